import { beforeAll, describe, expect, it, vi } from 'vitest'
import { CONTINUE_AS_NEW_EVENTS, MAX_PAYLOAD_BYTES } from '../../domain/limits.ts'
import { eventsOf, payloadSizes, scheduled } from '../support/workflows/histories.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()
const CALLS = 330
/** Six events each: the whole turn is longer than a run may be. */
const LONG_TURN = Array.from({ length: CALLS }, () => 'replace')
/** What one run may grow to; Temporal itself suggests an end at about twice that. */
const MAX_EVENTS = 2_000
const MAX_BYTES = 2 * 1024 * 1024

interface Run {
  readonly runId: string
  readonly status: string
  readonly events: number
  readonly bytes: number
}

let task: RunningTask
let runs: readonly Run[]

async function runsOf(workflowId: string): Promise<Run[]> {
  const found: Run[] = []
  for await (const { runId, status } of world().client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    const { historyLength, historySize } = await world().client.workflow.getHandle(workflowId, runId).describe()
    found.push({ runId, status: status.name, events: historyLength, bytes: historySize ?? 0 })
  }
  return found.toReversed()
}

beforeAll(async () => {
  const late = `tool 1.${CALLS - 10}`
  task = await world().begin({ turns: [LONG_TURN, ['complete_task']], hold: [late] })
  await task.reached(late)
  await task.pause()
  await task.interrupted()
  task.release(late)
  await task.until('paused')
  await task.resume()
  await task.ended()
  await vi.waitFor(async () => expect((await runsOf(`build-${task.id}-2`))[0]?.status).toBe('COMPLETED'), 10_000)
  runs = await runsOf(`build-${task.id}-1`)
})

describe('a Builder run that grows long', () => {
  it('continues as new before it is too long, also in the middle of a turn', () => {
    expect(runs.map(({ status }) => status)).toEqual(['CONTINUED_AS_NEW', 'COMPLETED'])
    expect(runs[0]?.events).toBeGreaterThanOrEqual(CONTINUE_AS_NEW_EVENTS)
    for (const { events, bytes } of runs) {
      expect(events).toBeLessThanOrEqual(MAX_EVENTS)
      expect(bytes).toBeLessThanOrEqual(MAX_BYTES)
    }
  })

  it('keeps its seat and its workspace', () => {
    const steps = task.record.finished
    expect(new Set(steps.map(({ seat }) => seat))).toEqual(new Set([1]))
    // Once for the run, and once for the run after the pause.
    expect(steps.filter(({ name }) => name === 'workspace')).toHaveLength(2)
    expect(task.record.events.filter((event) => event.startsWith('builder'))).toHaveLength(1)
  })

  it('repeats and leaves out no call', () => {
    const tools = task.record.finished.map(({ name }) => name).filter((name) => name.startsWith('tool'))
    expect(tools).toEqual([...LONG_TURN.map((_, position) => `tool 1.${position}`), 'tool 2.0'])
  })

  it('is still reached by a pause after that', () => {
    expect(task.record.states.slice(3, 6)).toEqual(['building', 'paused', 'building'])
  })
})

describe('the histories of a long task', () => {
  it('hold only references: no payload is larger than 64 KiB', async () => {
    const builds = runs.map(({ runId }) => world().client.workflow.getHandle(`build-${task.id}-1`, runId))
    const sizes = (await Promise.all([task.handle, ...builds].map(eventsOf))).map(payloadSizes)
    for (const size of sizes.flat()) expect(size).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES)
  })

  it('leave the Manager itself short, however much its Builder did', async () => {
    expect((await scheduled(task.handle)).map(({ activity }) => activity)).toEqual([
      ...['understandTask', 'queueTask', 'holdSeat', 'assignBuilder', 'prepareWorkspace', 'pauseTask', 'resumeTask'],
      'prepareWorkspace',
      ...['beginVerification', 'verifyDelivery', 'beginDelivery', 'publishDelivery', 'releaseSeat', 'endTask'],
    ])
  })
})
