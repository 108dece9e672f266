import { setTimeout as delay } from 'node:timers/promises'
import { kill } from '../../adapters/processes/kill.ts'
import { readTask, type EventView } from '../../cli/client.ts'
import type { TaskRequest } from '../../domain/task.ts'
import type { Line, Row } from '../row.ts'
import { STEPS, STEPS_ERRAND } from '../script.ts'
import type { Stage } from '../stage.ts'
import { quantile } from '../statistics.ts'
import { submit } from '../tasks.ts'

const KILLS = 20
/** Of a step in progress: the model takes 300 ms, the command 600. */
const INTO_THE_STEP_MS = 150
/** The step whose builder is killed, in turn the model's and the tool's. */
const MOMENTS = ['turn-started', 'tool-called'] as const
const KILLED_TURN = 2
/** They say that the work will go on; a finished turn or tool says that it has. */
const ONLY_ANNOUNCED = new Set(['builder-lost', 'task-queued', 'builder-assigned', 'workspace-restored'])

/** A task whose builder was killed, as its events and its end tell it. */
interface Killed {
  readonly movedAfterMs: number
  readonly isLost: boolean
  readonly isDoneTwice: boolean
}

/** How long a task stands still when its builder is killed, and that the kill leaves no trace in the work. */
export const recovery: Row = {
  name: 'recovery',
  latencyMs: 300,
  async measure(stage): Promise<readonly Line[]> {
    const killed: Killed[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      const moment = MOMENTS[kill % MOMENTS.length] ?? 'turn-started'
      killed.push(await withKilledBuilder(stage, moment))
    }
    const moved = killed.map(({ movedAfterMs }) => movedAfterMs / 1_000)
    const what = 'killed builder → the same task moves again'
    const none = { of: 'value', bound: 'at most', limit: 0 } as const
    return [
      {
        what: `${what}, p50`,
        unit: 's',
        measured: quantile(moved, 0.5),
        target: { of: 'value', bound: 'at most', limit: 8 },
        notes: [
          `${KILLS} tasks, each loses its builder once by SIGKILL, ${INTO_THE_STEP_MS} ms into a model turn (300 ms) or a command (600 ms), in turn`,
          'from the kill to the next event of work on another seat: the repeated turn answered, or the repeated command finished, its own time included',
        ],
      },
      {
        what: `${what}, p99`,
        unit: 's',
        measured: quantile(moved, 0.99),
        target: { of: 'value', bound: 'at most', limit: 30 },
        notes: [`of ${KILLS} kills that is the slowest`],
      },
      {
        what: 'killed builder: tasks lost',
        unit: 'tasks',
        measured: killed.filter(({ isLost }) => isLost).length,
        target: none,
        notes: ['not completed'],
      },
      {
        what: 'killed builder: tasks with a step done twice or left out',
        unit: 'tasks',
        measured: killed.filter(({ isDoneTwice }) => isDoneTwice).length,
        target: none,
        notes: [
          'every command appends a line; the verifier compares the file, and each turn and call must stand once among the events',
        ],
      },
    ]
  },
}

const REQUEST: TaskRequest = {
  prompt: STEPS_ERRAND,
  kind: 'code',
  acceptance: { commands: [`printf '${STEPS.map((step) => `${step}\\n`).join('')}' | cmp - steps.txt`] },
}

async function withKilledBuilder(stage: Stage, moment: (typeof MOMENTS)[number]): Promise<Killed> {
  const { id } = await submit(stage, REQUEST)
  const events: EventView[] = []
  let killedAt = Number.NaN
  for await (const event of stage.client.events(id)) {
    events.push(event)
    if (event.type !== moment || event['turn'] !== KILLED_TURN || !Number.isNaN(killedAt)) continue
    await delay(INTO_THE_STEP_MS)
    killedAt = await killBuilderOf(stage, id)
  }
  const task = await readTask(stage.client, id)
  const lost = events.findIndex(({ type }) => type === 'builder-lost')
  const moved = events.find(({ type }, index) => lost !== -1 && index > lost && !ONLY_ANNOUNCED.has(type))
  if (!moved) throw new Error(`${id}: the kill of its builder cannot be seen in its events`)
  return {
    movedAfterMs: Date.parse(moved.at) - killedAt,
    isLost: task.state !== 'completed',
    isDoneTwice: task.result?.verdict !== 'passed' || !isEachStepOnce(events),
  }
}

async function killBuilderOf(stage: Stage, taskId: string): Promise<number> {
  const { builder } = await readTask(stage.client, taskId)
  const { items } = await stage.client.json<{ items: readonly { id: string; pid: number }[] }>('GET', '/v1/builders')
  const pid = items.find(({ id }) => id === builder?.id)?.pid
  if (pid === undefined) throw new Error(`${taskId}: its builder ${builder?.id} is not in the pool`)
  kill(pid, 'SIGKILL')
  return Date.now()
}

/** The steps and the turn that hands in. */
const TURNS = STEPS.length + 1

function isEachStepOnce(events: readonly EventView[]): boolean {
  const turns = (type: string) => events.filter((event) => event.type === type).map((event) => event['turn'])
  const expected = JSON.stringify(Array.from({ length: TURNS }, (_, index) => index + 1))
  return ['turn-started', 'tool-called', 'tool-finished'].every((type) => JSON.stringify(turns(type)) === expected)
}
