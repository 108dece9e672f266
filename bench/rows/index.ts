import type { Row } from '../row.ts'
import { eightJobs } from './eight-jobs.ts'
import { firstStep } from './first-step.ts'
import { inputTokens } from './input-tokens.ts'
import { longestTask } from './longest-task.ts'
import { longTurns } from './long-turns.ts'
import { memoryPerTask } from './memory.ts'
import { ownTime } from './own-time.ts'
import { recovery } from './recovery.ts'
import { tasksPerSecond } from './tasks-per-second.ts'
import { webhooks } from './webhooks.ts'
import { wholeJob } from './whole-job.ts'

/** In the order in which they are measured: `memory` needs a pool that has not worked yet. */
export const ROWS: readonly Row[] = [
  tasksPerSecond,
  firstStep,
  ownTime,
  longTurns,
  longestTask,
  inputTokens,
  memoryPerTask,
  webhooks,
  wholeJob,
  eightJobs,
  recovery,
]
