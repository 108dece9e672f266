import { setMaxListeners } from 'node:events'
import type { Dice } from './dice.ts'

/** How a service delivers its webhooks. Without any habit: once, at once, in order. */
export interface DeliveryHabits {
  /** How often each webhook comes, or the range it is drawn from. */
  readonly copies?: number | readonly [least: number, most: number]
  /** Each copy waits a random time up to this one, which changes the order. */
  readonly shuffleWithinMs?: number
  /** Each copy waits at least this long. */
  readonly delayMs?: number
}

/** What the service does when a webhook is not taken. */
export interface RetryLaw {
  /** The wait before the next attempt, after so many failures. */
  waitMs(failures: number): number
  /** The longest wait a `Retry-After` header may ask for; 0 ignores the header. */
  readonly mostRetryAfterMs: number
  /** An attempt without an answer for so long has failed. */
  readonly answerWithinMs: number
  /** After so long the webhook is dropped. */
  readonly giveUpAfterMs: number
}

/** One request that the product gets. */
export interface Parcel {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One attempt to deliver; without a status there was no answer. */
export interface Attempt {
  readonly body: string
  readonly status?: number
  readonly problem?: string
}

/** Brings webhooks to a URL until each is taken, given up, or the courier is stopped. */
export class Courier {
  readonly attempts: Attempt[] = []
  private readonly stopped = new AbortController()
  private readonly open = new Set<Promise<boolean>>()
  private running = 0
  private readonly turns: (() => void)[] = []

  constructor(
    private readonly rules: {
      readonly habits: DeliveryHabits
      readonly law: RetryLaw
      readonly dice: Dice
      /** How many requests are open at once. */
      readonly connections: number
      readonly onAnswer?: (body: string) => void
      readonly onFailure?: (problem: string) => void
    },
  ) {
    // Every wait and every open request listens.
    setMaxListeners(0, this.stopped.signal)
  }

  /** Resolves when every copy is done: true when at least one was taken. */
  deliver(parcel: Parcel): Promise<boolean> {
    const { copies = 1 } = this.rules.habits
    const count = typeof copies === 'number' ? copies : this.rules.dice.between(...copies)
    const delivery = Promise.all(Array.from({ length: count }, () => this.bring(parcel))).then((taken) =>
      taken.includes(true),
    )
    this.open.add(delivery)
    void delivery.finally(() => this.open.delete(delivery))
    return delivery
  }

  /** Resolves when nothing is under way any more, also what was added meanwhile. */
  async settled(): Promise<void> {
    while (this.open.size > 0) await Promise.all(this.open)
  }

  /** Ends all waits and requests; what was not taken stays so. */
  stop(): void {
    this.stopped.abort()
    for (const turn of this.turns.splice(0)) turn()
  }

  private async bring(parcel: Parcel): Promise<boolean> {
    const { habits, law, dice } = this.rules
    const wait = (habits.delayMs ?? 0) + dice.between(0, habits.shuffleWithinMs ?? 0)
    if (wait > 0) await this.pause(wait)
    const since = Date.now()
    for (let failures = 1; !this.stopped.signal.aborted; failures++) {
      const askedFor = await this.attempt(parcel)
      if (askedFor === undefined) return true
      const next = askedFor > 0 ? Math.min(askedFor, law.mostRetryAfterMs) : law.waitMs(failures)
      if (Date.now() + next - since > law.giveUpAfterMs) return false
      await this.pause(next)
    }
    return false
  }

  /** Undefined when the webhook was taken, otherwise the wait the answer asked for in milliseconds, or 0. */
  private async attempt({ url, headers, body }: Parcel): Promise<number | undefined> {
    await this.turn()
    try {
      if (this.stopped.signal.aborted) return 0
      const signal = AbortSignal.any([this.stopped.signal, AbortSignal.timeout(this.rules.law.answerWithinMs)])
      const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' })
      const answer = await response.text()
      this.attempts.push({ body, status: response.status })
      if (response.ok) {
        this.rules.onAnswer?.(answer)
        return undefined
      }
      this.rules.onFailure?.(`Wrong response from the webhook: ${response.status} ${response.statusText}`)
      const seconds = Number(response.headers.get('retry-after') ?? 0)
      return this.rules.law.mostRetryAfterMs > 0 && seconds > 0 ? seconds * 1_000 : 0
    } catch (error) {
      if (this.stopped.signal.aborted) return 0
      const problem = problemOf(error)
      this.attempts.push({ body, problem })
      this.rules.onFailure?.(problem)
      return 0
    } finally {
      this.running--
      this.turns.shift()?.()
    }
  }

  /** Waits for a free connection. */
  private async turn(): Promise<void> {
    if (this.running >= this.rules.connections) await new Promise<void>((resolve) => this.turns.push(resolve))
    this.running++
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.stopped.signal.aborted) return resolve()
      const done = (): void => {
        clearTimeout(timer)
        this.stopped.signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      this.stopped.signal.addEventListener('abort', done)
    })
  }
}

function problemOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'Read timeout expired'
  const { code } = ((error as Error).cause ?? {}) as { code?: string }
  return code === 'ECONNREFUSED' ? 'Connection refused' : (code ?? String(error))
}
