import { open, type FileHandle } from 'node:fs/promises'
import type { SignatureVerdict } from './signatures.ts'

/** What the simulator writes down about one request. */
export interface LedgerEntry {
  /** When the answer was decided, ISO 8601. */
  readonly at: string
  readonly path: string
  readonly model: string
  /** Length of the request's body. */
  readonly bytes: number
  /** HTTP status; 0 when the client got no answer at all (faults `hang` and `reset`). */
  readonly status: number
  /** Why the request was refused, with the place in it. */
  readonly refusal?: string
  /** The fault that was played. */
  readonly fault?: string
  /** `match` of the script's task that answered. */
  readonly taskMatch?: string
  /** The verdict on the model signatures, of requests that were checked so far. */
  readonly signatures?: SignatureVerdict
  /** How many model contents the request held. */
  readonly turn: number
  /** Prompt tokens that were answered, 0 for a refusal. */
  readonly inputTokens: number
  /** Tokens of the answer with its thoughts. */
  readonly outputTokens: number
}

/**
 * All requests in order. With a file, a request's line is on the disk before its answer begins; lines of requests that
 * come together share one flush.
 */
export class Ledger {
  readonly entries: LedgerEntry[] = []
  private waiting: string[] = []
  private flushing: Promise<void> = Promise.resolve()

  private constructor(private readonly file: FileHandle | undefined) {}

  /** Opens a ledger; an existing file is continued. */
  static async open(path: string | undefined): Promise<Ledger> {
    return new Ledger(path === undefined ? undefined : await open(path, 'a'))
  }

  /** Notes a request; resolves when the note is durable. */
  add(entry: LedgerEntry): Promise<void> {
    this.entries.push(entry)
    if (!this.file) return this.flushing
    this.waiting.push(`${JSON.stringify(entry)}\n`)
    this.flushing = this.flushing.then(() => this.flush())
    return this.flushing
  }

  async close(): Promise<void> {
    await this.flushing
    await this.file?.close()
  }

  private async flush(): Promise<void> {
    const lines = this.waiting.splice(0)
    if (lines.length === 0 || !this.file) return
    await this.file.appendFile(lines.join(''))
    await this.file.datasync()
  }
}
