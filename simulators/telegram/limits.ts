import type { ChatFace } from './messages.ts'
import { tooManyRequests } from './refusal.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
/** The limits the service documents for bots. */
const PER_GROUP_AND_MINUTE = 20
const PER_SECOND = 30

/** Refuses messages that come faster than the service takes them. */
export class RateLimits {
  private readonly sent = new Map<number | 'all', number[]>()

  constructor(private readonly now: () => number) {}

  /** Counts a message or throws 429 with the time to wait: one a second in a chat, 20 a minute in a group, 30 a second in all. */
  count({ id, type }: ChatFace): void {
    this.check(id, { most: 1, withinMs: SECOND_MS })
    if (type !== 'private') this.check(id, { most: PER_GROUP_AND_MINUTE, withinMs: MINUTE_MS })
    this.check('all', { most: PER_SECOND, withinMs: SECOND_MS })
    for (const key of [id, 'all'] as const) this.sent.set(key, [...this.recent(key), this.now()])
  }

  private check(key: number | 'all', { most, withinMs }: { most: number; withinMs: number }): void {
    const since = this.now() - withinMs
    const inWindow = this.recent(key).filter((at) => at > since)
    if (inWindow.length < most) return
    const oldest = inWindow.at(-most) ?? this.now()
    throw tooManyRequests(Math.max(1, Math.ceil((oldest + withinMs - this.now()) / SECOND_MS)))
  }

  private recent(key: number | 'all'): number[] {
    return (this.sent.get(key) ?? []).filter((at) => at > this.now() - MINUTE_MS)
  }
}
