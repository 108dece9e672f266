import type { VerificationOutcome } from '../domain/contracts.ts'
import { MAX_VERIFICATIONS } from '../domain/limits.ts'
import type { TaskResult } from '../domain/task.ts'
import { TaskFailed } from './failures.ts'
import { ManagedTask } from './managed-task.ts'
import type { ManageTaskInput, TaskOutcome } from './messages.ts'

/** The Manager: the whole life of one task. */
export async function manageTask(input: ManageTaskInput): Promise<TaskOutcome> {
  return new ManagedTask(input).untilEnded(manage)
}

async function manage(task: ManagedTask): Promise<TaskResult> {
  const { answer, isDivided } = await task.understand()
  if (answer !== undefined) return { summary: answer, verdict: 'not_run' }
  if (isDivided) await task.buildInParts()
  for (let attempt = 1; ; attempt++) {
    await task.build()
    const outcome = await task.verify(attempt)
    if (outcome.verdict !== 'failed') return task.deliver(outcome)
    if (attempt === MAX_VERIFICATIONS) throw rejected(outcome)
    await task.requestRepair(attempt, outcome)
  }
}

function rejected(outcome: VerificationOutcome): TaskFailed {
  return new TaskFailed({
    code: 'verification_failed',
    message: `The verifier rejected ${MAX_VERIFICATIONS} deliveries. The receipt holds the evidence; the last output was:\n${outcome.log}`,
    retryable: true,
  })
}
