import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import {
  ActivityCancellationType,
  condition,
  executeChild,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow'
import { bareSeatSignal } from './messages.ts'
import { BARE_QUEUES, type BareBuild, type BarePlan, type BareSeat, type BareStep } from './plan.ts'

/** Activities that do nothing; only the seat waits, for its release. */
export interface BareActivities {
  nothing(): Promise<void>
  holdSeat(): Promise<void>
  releaseSeat(): Promise<void>
}

const STATE = defineSearchAttributeKey('TaskState', SearchAttributeType.KEYWORD)

const own = proxyActivities<Pick<BareActivities, 'nothing'>>({ startToCloseTimeout: '10 seconds' })
const gateway = proxyActivities<Pick<BareActivities, 'nothing'>>({
  taskQueue: BARE_QUEUES.gateway,
  startToCloseTimeout: '5 minutes',
})
const seats = proxyActivities<Pick<BareActivities, 'holdSeat'>>({
  taskQueue: BARE_QUEUES.builders,
  heartbeatTimeout: '5 seconds',
  startToCloseTimeout: '30 days',
  retry: { maximumAttempts: 1 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
})
const onBuilder = (queue: string) =>
  proxyActivities<Pick<BareActivities, 'nothing' | 'releaseSeat'>>({
    taskQueue: queue,
    heartbeatTimeout: '5 seconds',
    scheduleToStartTimeout: '5 seconds',
    startToCloseTimeout: '2 hours',
    retry: { maximumAttempts: 1 },
    cancellationType: ActivityCancellationType.TRY_CANCEL,
  })

/** As many steps of each kind as a task of the product has, in the same order, all of them empty. */
export async function bareTask({ steps }: BarePlan): Promise<void> {
  let seat: BareSeat | undefined
  setHandler(bareSeatSignal, (granted) => void (seat = granted))
  let held: Promise<void> | undefined
  for (const step of steps) {
    if (step.kind === 'attribute') {
      upsertSearchAttributes([{ key: STATE, value: 'building' }])
    } else if (step.kind === 'seat') {
      held = seats.holdSeat()
      await condition(() => seat !== undefined)
    } else {
      await take(step, seat?.queue ?? '')
      // A workflow that ends while its seat does is refused by the server and done again.
      if (step.kind === 'release') await held
    }
  }
}

async function take(step: Exclude<BareStep, { kind: 'seat' | 'attribute' }>, queue: string): Promise<void> {
  switch (step.kind) {
    case 'manager':
      return own.nothing()
    case 'gateway':
      return gateway.nothing()
    case 'builder':
      return onBuilder(queue).nothing()
    case 'release':
      return onBuilder(queue).releaseSeat()
    case 'child':
      return executeChild<typeof bareBuild>('bareBuild', { args: [{ queue, activities: step.activities }] })
  }
}

/** The child: one empty activity after another. */
export async function bareBuild({ queue, activities }: BareBuild): Promise<void> {
  const { nothing } = onBuilder(queue)
  for (let done = 0; done < activities; done++) await nothing()
}
