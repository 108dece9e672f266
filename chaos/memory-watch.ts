import { readFileSync } from 'node:fs'
import { buildersOf } from './builders.ts'
import type { MemoryOfProcess } from './observations.ts'
import type { Stage } from './stage.ts'

const LOOK_EVERY_MS = 5_000
const KIB = 1_024

/** Looks at the memory of the gateway and its builders while a run lasts. */
export class MemoryWatch {
  private readonly seen = new Map<string, [at: number, bytes: number][]>()
  private readonly timer: NodeJS.Timeout

  constructor(private readonly stage: Stage) {
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
  }

  /** Ends the watch. */
  stop(): readonly MemoryOfProcess[] {
    clearInterval(this.timer)
    return [...this.seen].map(([process, samples]) => ({ process, samples }))
  }

  private async look(): Promise<void> {
    const { pid } = this.stage.gateway
    if (pid !== undefined) this.note(`gateway ${pid}`, pid)
    for (const builder of await buildersOf(this.stage)) this.note(`builder ${builder.id}`, builder.pid)
  }

  private note(name: string, pid: number): void {
    const bytes = residentBytes(pid)
    if (bytes === undefined) return
    const samples = this.seen.get(name) ?? []
    this.seen.set(name, samples)
    samples.push([Date.now(), bytes])
  }
}

/** Undefined for what has ended. */
function residentBytes(pid: number): number | undefined {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * KIB
  } catch {
    return undefined
  }
}
