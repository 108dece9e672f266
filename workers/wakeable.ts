import { setTimeout as delay } from 'node:timers/promises'

/** A loop that somebody may wake: it works again when it was woken meanwhile, or after a while by itself. */
export class Wakeable {
  private woken = true
  private wakeUp: (() => void) | undefined

  readonly wake = (): void => {
    this.woken = true
    this.wakeUp?.()
  }

  /**
   * Works, and works again, until the signal: woken no sooner than after `restMs`, by itself after `everyMs` or what the
   * work says. Work that fails is told about and done again after the pause.
   */
  async run(
    options: {
      readonly everyMs: number
      readonly restMs?: number
      /** May give the milliseconds until there is something to do again. */
      readonly work: () => Promise<number | undefined>
      readonly onFailure: (error: unknown) => void
    },
    signal: AbortSignal,
  ): Promise<void> {
    const { everyMs, restMs = 0, work, onFailure } = options
    signal.addEventListener('abort', this.wake)
    while (!signal.aborted) {
      this.woken = false
      try {
        const limitMs = (await work()) ?? everyMs
        if (!this.woken) await this.pause(limitMs)
        if (restMs > 0) await delay(restMs, undefined, { signal }).catch(() => undefined)
      } catch (error) {
        onFailure(error)
        await this.pause(everyMs)
      }
    }
    signal.removeEventListener('abort', this.wake)
  }

  private async pause(limitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs)
      this.wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.wakeUp = undefined
  }
}
