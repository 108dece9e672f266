/** Every way of installing a program is given up when nothing moved for this long (CONTRACT §2). */
const PROGRESS_LIMIT_MS = 10_000

/** Calls back when no beat came for the limit. */
export class ProgressLimit {
  private timer: NodeJS.Timeout

  constructor(private readonly expired: () => void) {
    this.timer = setTimeout(expired, PROGRESS_LIMIT_MS)
  }

  beat(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(this.expired, PROGRESS_LIMIT_MS)
  }

  stop(): void {
    clearTimeout(this.timer)
  }
}
