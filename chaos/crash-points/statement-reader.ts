/** Requests for encryption come before the start-up message and have its form. */
const ENCRYPTION_REQUESTS = [80_877_103, 80_877_104]

/**
 * Reads what a client says to PostgreSQL on one connection. A prepared statement is named once and then only bound by
 * its name: here each of its uses has its words.
 */
export class StatementReader {
  private rest = Buffer.alloc(0)
  private isStarted = false
  private readonly prepared = new Map<string, string>()

  /** The messages that are whole with these bytes: of each its statement, and the values as they are sent. */
  read(bytes: Buffer): string {
    this.rest = Buffer.concat([this.rest, bytes])
    const read: string[] = []
    for (let message = this.next(); message; message = this.next()) read.push(this.wordsOf(message))
    return read.join('\n')
  }

  /** The next whole message: its type (none at the start) and its body. */
  private next(): { readonly type: string; readonly body: string } | undefined {
    const at = this.isStarted ? 1 : 0
    if (this.rest.length < at + 4) return undefined
    const end = at + this.rest.readUInt32BE(at)
    if (this.rest.length < end) return undefined
    const type = this.rest.toString('latin1', 0, at)
    const content = this.rest.subarray(at + 4, end)
    this.isStarted ||= !ENCRYPTION_REQUESTS.includes(content.readUInt32BE(0))
    this.rest = this.rest.subarray(end)
    return { type, body: content.toString('latin1') }
  }

  private wordsOf({ type, body }: { readonly type: string; readonly body: string }): string {
    const [first = '', second = ''] = body.split('\0')
    if (type === 'P') this.prepared.set(first, second)
    return type === 'B' ? `${this.prepared.get(second) ?? ''}\0${body}` : type === 'Q' ? body : ''
  }
}
