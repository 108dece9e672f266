import { createHash } from 'node:crypto'
import type { BuilderActivities, VerificationOutcome } from '../../domain/contracts.ts'
import { COMMAND_TIMEOUT_MS, MAX_TOOL_OUTPUT_BYTES, MAX_VERIFICATION_LOG } from '../../domain/limits.ts'
import type { BoundaryAudit } from '../../domain/ports/boundary-audit.ts'
import type { EgressDoor } from '../../domain/ports/egress.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import type { BlockedAttempt, Sandbox } from '../../domain/ports/sandbox.ts'
import type { Fence, Store, TaskWork } from '../../domain/ports/store.ts'
import { CONVENTIONAL_TEST_PATHS, HELPER_PATHS } from '../../domain/protected-paths.ts'
import { inert } from '../../domain/pull-request.ts'
import type { CommandEvidence, Evidence, Receipt } from '../../domain/receipt.ts'
import type { Acceptance, Verdict } from '../../domain/task.ts'
import { deliveryWords } from './delivery-words.ts'
import { onSeat } from './on-seat.ts'
import type { SeatTable } from './seat-table.ts'
import type { Workspaces } from './workspaces.ts'

export interface VerifyDependencies {
  readonly store: Store
  readonly git: GitHost
  readonly seats: SeatTable
  readonly workspaces: Workspaces
  readonly sign: (evidence: Evidence) => Receipt
  readonly clock: () => Date
  readonly audit: BoundaryAudit
}

/** A commit that would be delivered. */
interface Delivery {
  readonly sandbox: Sandbox
  readonly door: EgressDoor | undefined
  readonly bare: string
  readonly base: string
  readonly commit: string
  readonly tree: string
  readonly patch: Uint8Array
}

/**
 * The verifier: composes the commit to deliver, checks it out clean in the host's repository, runs the acceptance
 * commands in a fresh sandbox and signs what it saw. The model's word plays no part.
 */
export function createVerifyDelivery(dependencies: VerifyDependencies): Pick<BuilderActivities, 'verifyDelivery'> {
  const { seats, store, workspaces, sign, clock } = dependencies
  return {
    verifyDelivery: ({ attempt, at, ...fence }) =>
      onSeat({ seats, fence }, async (signal) => {
        const work = await workspaces.work(fence)
        const delivery = await compose(dependencies, { fence, work, at, signal })
        const acceptance = work.task.acceptance ?? NOTHING
        const { blocked, ...ran } = await runAcceptance(dependencies, { fence, delivery, acceptance, signal })
        const receipt = sign({
          taskId: fence.taskId,
          baseCommit: delivery.base,
          commit: delivery.commit,
          tree: delivery.tree,
          protectedPaths: [...strictPaths(acceptance), ...defaultPaths(acceptance)],
          ...ran,
          verifiedAt: clock().toISOString(),
        })
        const data = {
          ...{ verdict: ran.verdict, attempt, commit: delivery.commit, commands: ran.commands.length },
          ...(blocked.length > 0 && { blocked }),
        }
        const event = { type: 'verification-finished', data } as const
        await store.artifacts.saveDelivery({ ...fence, commit: delivery.commit, patch: delivery.patch, receipt, event })
        return outcomeOf(delivery, ran)
      }),
  }
}

const NOTHING: Acceptance = { commands: [] }
const strictPaths = ({ protectedPaths = [] }: Acceptance): readonly string[] => protectedPaths
/** Where the requester named none: files of the usual test paths are put back, new ones may stand. */
const defaultPaths = ({ commands, protectedPaths }: Acceptance): readonly string[] =>
  commands.length > 0 && protectedPaths === undefined ? CONVENTIONAL_TEST_PATHS : []

async function compose(
  { store, git, workspaces }: VerifyDependencies,
  {
    fence,
    work,
    at,
    signal,
  }: {
    readonly fence: Fence
    readonly work: TaskWork
    readonly at: number
    readonly signal: globalThis.AbortSignal
  },
): Promise<Delivery> {
  const { bare, base, sandbox, door } = await workspaces.ground(fence, signal)
  const checkpoint = (await workspaces.isUntouched(fence)) ? undefined : await store.artifacts.checkpoint(fence.taskId)
  if (checkpoint) await git.importBundle({ bare, bundle: checkpoint.bundle, commit: checkpoint.commit })
  const acceptance = work.task.acceptance ?? NOTHING
  const composed = await git.compose({
    bare,
    base,
    snapshot: checkpoint?.commit ?? base,
    protectedPaths: strictPaths(acceptance),
    defaults: defaultPaths(acceptance),
    helpers: HELPER_PATHS,
    // Without any change there is no commit to say something.
    text: { message: checkpoint ? await messageOf(store, work) : '', at },
  })
  const patch = await git.patch({ bare, base, commit: composed.commit })
  return { sandbox, door, bare, base, ...composed, patch }
}

async function messageOf(store: Store, work: TaskWork): Promise<string> {
  const { task } = work
  const words = await deliveryWords(store, work)
  // On a forge a commit message tells people and closes issues.
  return inert(`${task.title}\n\n${words}\n\nTask: ${task.id}\n`)
}

type Ran = Pick<Evidence, 'setup' | 'commands' | 'verdict'>

async function runAcceptance(
  dependencies: VerifyDependencies,
  run: {
    readonly fence: Fence
    readonly delivery: Delivery
    readonly acceptance: Acceptance
    readonly signal: globalThis.AbortSignal
  },
): Promise<Ran & { readonly blocked: readonly BlockedAttempt[] }> {
  const { fence, delivery, acceptance, signal } = run
  const attempts: BlockedAttempt[] = []
  if (acceptance.commands.length === 0) return { setup: [], commands: [], verdict: 'not_run', blocked: attempts }
  const directory = await dependencies.workspaces.scratch(fence, 'verification')
  await dependencies.git.checkout({ bare: delivery.bare, commit: delivery.commit, directory, signal })
  const blocked = (attempt: BlockedAttempt) => {
    attempts.push(attempt)
    dependencies.audit.blocked({ ...attempt, taskId: fence.taskId, seat: fence.seat, step: 'verification' })
  }
  const place = { directory, signal, blocked, door: delivery.door }
  const setup = await runAll(delivery.sandbox, { ...place, commands: acceptance.setup ?? [] })
  const commands = setup.every(succeeded)
    ? await runAll(delivery.sandbox, { ...place, commands: acceptance.commands })
    : []
  const passed = commands.length === acceptance.commands.length && commands.every(succeeded)
  const verdict: Verdict = passed ? 'passed' : 'failed'
  return { setup, commands, verdict, blocked: attempts }
}

const succeeded = (evidence: CommandEvidence): boolean => evidence.exitCode === 0 && !evidence.timedOut

/** Runs commands in order up to the first that fails. */
async function runAll(
  sandbox: Sandbox,
  run: {
    readonly directory: string
    readonly commands: readonly string[]
    readonly signal: globalThis.AbortSignal
    readonly door: EgressDoor | undefined
    readonly blocked: (attempt: BlockedAttempt) => void
  },
): Promise<readonly CommandEvidence[]> {
  const evidence: CommandEvidence[] = []
  for (const command of run.commands) {
    const result = await sandbox.run({
      workspace: run.directory,
      command: ['bash', '-c', `exec 2>&1; ${command}`],
      proxy: run.door?.socket,
      timeoutMs: COMMAND_TIMEOUT_MS,
      maxOutputBytes: MAX_TOOL_OUTPUT_BYTES,
      signal: run.signal,
    })
    for (const attempt of [...(result.blocked ?? []), ...(run.door?.takeRefused() ?? [])]) run.blocked(attempt)
    const output = Buffer.concat([result.stdout, result.stderr])
    evidence.push({
      command,
      exitCode: result.exitCode,
      timedOut: result.timedOut,
      outputSha256: createHash('sha256').update(output).digest('hex'),
      outputTail: output.subarray(-MAX_VERIFICATION_LOG).toString('utf8'),
    })
    if (result.exitCode !== 0 || result.timedOut) break
  }
  return evidence
}

function outcomeOf(delivery: Delivery, ran: Ran): VerificationOutcome {
  const failed = [...ran.setup, ...ran.commands].find((evidence) => !succeeded(evidence))
  const log = failed
    ? `$ ${failed.command}\n${failed.outputTail}\n${failed.timedOut ? 'It did not end in time.' : `exit code ${failed.exitCode}`}`
    : ''
  return { verdict: ran.verdict, commit: delivery.commit, log }
}
