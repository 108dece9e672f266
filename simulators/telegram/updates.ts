import type { CallArguments } from './arguments.ts'
import { conflict } from './refusal.ts'

/** A kind of update this simulator makes. */
export type UpdateKind = 'message' | 'edited_message' | 'callback_query' | 'my_chat_member' | 'message_reaction'

export type Update = { readonly update_id: number } & { readonly [kind in UpdateKind]?: object }

/** Kinds that come only to who asks for them. */
const ONLY_WHEN_ASKED: readonly string[] = ['message_reaction']
const FIRST_UPDATE_ID = 100_000_001
const LONGEST_POLL_S = 50

/** The updates the bot has not confirmed yet, and the one poll that may wait for them. */
export class UpdateQueue {
  private readonly pending: Update[] = []
  private nextId = FIRST_UPDATE_ID
  private allowed: readonly string[] = []
  /** Ends the poll that waits: with an error when it lost its place. */
  private endPoll: ((error?: Error) => void) | undefined
  /** Gets every new update while a webhook is set. */
  onUpdate: ((update: Update) => void) | undefined

  get count(): number {
    return this.pending.length
  }

  get waiting(): readonly Update[] {
    return this.pending
  }

  get allowedUpdates(): readonly string[] {
    return this.allowed
  }

  add(kind: UpdateKind, content: object): Update {
    const update: Update = { update_id: this.nextId++, [kind]: content }
    const wanted = this.allowed.length === 0 ? !ONLY_WHEN_ASKED.includes(kind) : this.allowed.includes(kind)
    if (!wanted) return update
    this.pending.push(update)
    this.onUpdate?.(update)
    this.endPoll?.()
    return update
  }

  confirm(id: number): void {
    const index = this.pending.findIndex(({ update_id }) => update_id === id)
    if (index !== -1) this.pending.splice(index, 1)
  }

  drop(): void {
    this.pending.length = 0
  }

  /** Takes over `allowed_updates`; without it the last list stays, an empty one means the usual kinds. */
  allow(call: CallArguments): void {
    const list = call.looseJson('allowed_updates')
    if (!Array.isArray(list)) return
    this.allowed = list.filter((kind): kind is string => typeof kind === 'string')
  }

  /** Answers `getUpdates`: at once when something waits, else when something comes or the time is over. */
  async take(call: CallArguments, left: AbortSignal): Promise<readonly Update[]> {
    const offset = call.integer('offset')
    const limit = call.bounded('limit', { least: 1, most: 100, otherwise: 100 })
    const timeout = call.bounded('timeout', { least: 0, most: LONGEST_POLL_S, otherwise: 0 })
    this.allow(call)
    this.end(conflict('terminated by other getUpdates request; make sure that only one bot instance is running'))
    this.forgetBefore(offset)
    if (this.pending.length === 0 && timeout > 0) await this.somethingComes(timeout * 1_000, left)
    return this.pending.slice(0, limit)
  }

  /** Ends the poll that waits, as another request does. */
  end(error: Error): void {
    this.endPoll?.(error)
  }

  /** A negative offset counts from the end and forgets all before it. */
  private forgetBefore(offset: number): void {
    if (offset < 0) this.pending.splice(0, Math.max(0, this.pending.length + offset))
    const kept = this.pending.filter(({ update_id }) => update_id >= offset)
    if (offset > 0) this.pending.splice(0, this.pending.length, ...kept)
  }

  private somethingComes(milliseconds: number, left: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error): void => {
        clearTimeout(timer)
        if (this.endPoll === done) this.endPoll = undefined
        if (error) reject(error)
        else resolve()
      }
      const timer = setTimeout(() => done(), milliseconds)
      left.addEventListener('abort', () => done())
      this.endPoll = done
    })
  }
}
