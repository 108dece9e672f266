/** Work that several callers wait for. It is aborted when all of them have given up, and only then. */
export class SharedWork<T> {
  /** Settles with the work itself, whoever still waits. */
  readonly done: Promise<T>
  private waiting = 0
  private readonly abandoned = new AbortController()

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.done = work(this.abandoned.signal)
    // Each caller is told of a failure; here nobody listens for it.
    this.done.catch(() => undefined)
  }

  /** Whether everybody gave up: what it is still doing is to end. */
  get isAbandoned(): boolean {
    return this.abandoned.signal.aborted
  }

  /**
   * Waits for the result, until the signal aborts. The last to give up waits for the end of the work too, so that
   * nothing of it goes on behind the caller's back.
   */
  wait(signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted()
    this.waiting++
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        if (--this.waiting === 0) this.abandoned.abort(signal?.reason)
        else reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      const forget = () => signal?.removeEventListener('abort', giveUp)
      this.done.then(resolve, reject).finally(forget)
    })
  }
}
