import type { EventView } from '../cli/client.ts'
import type { TaskState } from '../domain/task.ts'
import type { LedgerEntry } from '../simulators/gemini/ledger.ts'
import type { FaultName } from './faults.ts'
import type { PlannedTask } from './plan.ts'

/** One answer to one POST of a task's request. */
export interface Acceptance {
  readonly key: string
  readonly taskId: string
}

/** A task as it was after everything had ended. */
export interface EndedTask {
  readonly id: string
  readonly state: TaskState
  readonly verdict?: 'passed' | 'failed' | 'not_run'
  readonly commit?: string
  readonly branch?: string
  readonly errorCode?: string
  readonly modelCalls: number
  readonly events: readonly EventView[]
  /** The receipt's bytes as text, where there is one. */
  readonly receipt?: string
  /** Tree of the base with the patch applied; missing when there is no patch or it does not apply. */
  readonly patchedTree?: string
  /** Tree of the branch as it stands in the remote. */
  readonly branchTree?: string
}

/** One update of a reference, as the remote itself noted it. */
export interface BranchUpdate {
  readonly key: string
  readonly ref: string
  readonly commit: string
}

/** A strike as it went. Times are milliseconds since 1970. */
export interface StrikeRecord {
  readonly fault: FaultName
  readonly startedAt: number
  /** When what was broken worked again. */
  readonly endedAt: number
  /** What was hit; missing when nothing was there to be hit. */
  readonly victim?: string
  /** Tasks that were held there. */
  readonly tasks: readonly string[]
}

/** Resident memory of a process while it lived, in bytes, by milliseconds since 1970. */
export interface MemoryOfProcess {
  readonly process: string
  readonly samples: readonly (readonly [at: number, bytes: number])[]
}

/** Everything the oracles judge by. */
export interface Observations {
  readonly tasks: readonly PlannedTask[]
  readonly acceptances: readonly Acceptance[]
  /** Ids of all tasks the gateway knows. */
  readonly known: readonly string[]
  readonly ended: readonly EndedTask[]
  readonly updates: readonly BranchUpdate[]
  readonly ledger: readonly LedgerEntry[]
  readonly strikes: readonly StrikeRecord[]
  /** Keys of tasks whose cancellation was accepted. */
  readonly cancelled: readonly string[]
  readonly receiptKeys: readonly string[]
  readonly modelLatencyMs: number
  /** HTTP status that each revoked key was answered with. */
  readonly revokedKeys: readonly number[]
  /** Exit codes of gateways that nobody had asked to end. */
  readonly unexpectedExits: readonly string[]
  /** Executions Temporal still had open at the end. */
  readonly openWorkflows: number
  /** Workflows whose history cannot be replayed, and why. */
  readonly unreplayable: readonly string[]
  /** Secrets of the run and where they were found. */
  readonly leaks: readonly string[]
  /** Command lines of processes that outlived the gateway. */
  readonly leftProcesses: readonly string[]
  readonly exitCode: number | null
  readonly memory: readonly MemoryOfProcess[]
}
