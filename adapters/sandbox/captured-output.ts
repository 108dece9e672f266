/**
 * Keeps the beginning and the end of a stream within a number of bytes: the first quarter says what was started, the
 * last three quarters how it ended.
 */
export class CapturedOutput {
  private readonly head: Buffer[] = []
  private tail: Buffer[] = []
  private headBytes = 0
  private tailBytes = 0
  private dropped = 0

  constructor(private readonly maxBytes: number) {}

  get droppedBytes(): number {
    return this.dropped
  }

  add(chunk: Buffer): void {
    const room = Math.max(0, Math.floor(this.maxBytes / 4) - this.headBytes)
    if (room > 0) {
      this.head.push(chunk.subarray(0, room))
      this.headBytes += Math.min(room, chunk.length)
    }
    if (chunk.length <= room) return
    this.tail.push(chunk.subarray(room))
    this.tailBytes += chunk.length - room
    this.trim()
  }

  bytes(): Buffer {
    return Buffer.concat([...this.head, ...this.tail])
  }

  private trim(): void {
    let excess = this.tailBytes - (this.maxBytes - Math.floor(this.maxBytes / 4))
    while (excess > 0) {
      const [first] = this.tail as [Buffer]
      const cut = Math.min(excess, first.length)
      if (cut === first.length) this.tail.shift()
      else this.tail[0] = first.subarray(cut)
      this.tailBytes -= cut
      this.dropped += cut
      excess -= cut
    }
  }
}
