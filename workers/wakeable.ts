/** A loop that somebody may wake: it works again when it was woken meanwhile, or after a while by itself. */
export class Wakeable {
  private woken = true
  private wakeUp: (() => void) | undefined

  readonly wake = (): void => {
    this.woken = true
    this.wakeUp?.()
  }

  /** Works, and works again, until the signal. Work that fails is told about and done again after the pause. */
  async run(
    options: {
      readonly everyMs: number
      readonly work: () => Promise<void>
      readonly onFailure: (error: unknown) => void
    },
    signal: AbortSignal,
  ): Promise<void> {
    signal.addEventListener('abort', this.wake)
    while (!signal.aborted) {
      this.woken = false
      const failed = await options.work().then(
        () => false,
        (error: unknown) => (options.onFailure(error), true),
      )
      await this.pause(options.everyMs, failed)
    }
    signal.removeEventListener('abort', this.wake)
  }

  private async pause(limitMs: number, isFailed: boolean): Promise<void> {
    if (this.woken && !isFailed) return
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
