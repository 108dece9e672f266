import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import type { Fault, Operation } from './faults.ts'

/** One request. The credential is not kept. */
export interface ForgeCall {
  /** ISO 8601. */
  readonly at: string
  /** Undefined for a path the forge does not have. */
  readonly operation?: Operation | undefined
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** HTTP status; 0 when the client got no answer. */
  readonly status: number
  /** The forge's words of a refusal. */
  readonly message?: string | undefined
  /** Parameters and fields the forge ignores: a correct client sends none. */
  readonly strays?: readonly string[] | undefined
  readonly fault?: Fault | undefined
}

/** What was asked of the forge. */
export class ForgeLedger {
  readonly calls: ForgeCall[] = []

  constructor(private readonly file: string | undefined) {}

  /** Writes a call down; with a file it is on the disk before its answer begins. */
  add(call: ForgeCall): void {
    this.calls.push(call)
    if (this.file === undefined) return
    const file = openSync(this.file, 'a')
    try {
      writeSync(file, `${JSON.stringify(call)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }

  /** The calls of one operation. */
  of(operation: Operation): readonly ForgeCall[] {
    return this.calls.filter((call) => call.operation === operation)
  }
}
