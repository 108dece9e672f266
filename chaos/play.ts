import { setMaxListeners } from 'node:events'
import { kill } from '../adapters/processes/kill.ts'
import { collectTasks } from './collect.ts'
import { leaksInDatabase, leaksInFiles } from './leaks.ts'
import { processesOf } from './left-processes.ts'
import { MemoryWatch } from './memory-watch.ts'
import type { Observations } from './observations.ts'
import type { Plan } from './plan.ts'
import { scriptOf } from './script.ts'
import { unreplayable } from './replays.ts'
import { openWorkflows, untilEnded } from './settle.ts'
import { MODEL_LATENCY_MS, startStage, type Stage } from './stage.ts'
import { KeyRotation } from './strikes/key-rotation.ts'
import { strikeAt } from './strikes/index.ts'
import { submitAll } from './submissions.ts'
import { playStrikes } from './timeline.ts'

/** How a plan is played. */
export interface PlayOptions {
  readonly report: (line: string) => void
  /** Ends the run before its time. */
  readonly signal: AbortSignal
  /** Leaves logs and databases where they are. */
  readonly keep: boolean
  /** On a gateway without some of its protections. */
  readonly sabotaged: boolean
}

/** Plays a plan on a real gateway and gives what was seen. */
export async function play(plan: Plan, options: PlayOptions): Promise<Observations> {
  // Every wait of a run listens for its end.
  setMaxListeners(0, options.signal)
  const stage = await startStage((run) => scriptOf(plan.tasks, run), options)
  options.report(`${stage.directory}: ${plan.tasks.length} tasks, ${plan.strikes.length} strikes`)
  options.signal.addEventListener('abort', () => stage.api.giveUp())
  try {
    const seen = await observe(stage, plan, options)
    for (const left of seen.leftProcesses) kill(Number.parseInt(left), 'SIGKILL')
    return seen
  } finally {
    await stage.stop(options)
  }
}

async function observe(stage: Stage, plan: Plan, { report, signal }: PlayOptions): Promise<Observations> {
  const keys = new KeyRotation(stage)
  const watch = new MemoryWatch(stage)
  const strike = (planned: Plan['strikes'][number]) => strikeAt(stage, planned, keys)
  const [strikes, { acceptances, cancelled, kills }] = await Promise.all([
    playStrikes(plan.strikes, { strike, report, signal }),
    submitAll(stage, plan.tasks, signal),
  ])
  report('all tasks are sent, all strikes are over')
  const known = await untilEnded(stage, signal)
  report('all tasks have ended')
  const keyOf = new Map(acceptances.map(({ key, taskId }) => [taskId, key]))
  const ended = await collectTasks(
    stage,
    known.flatMap((task) => {
      const key = keyOf.get(task.id)
      return key === undefined ? [] : [{ key, task }]
    }),
  )
  const { items } = await stage.api.ask((client) =>
    client.json<{ readonly items: readonly { readonly publicKey: string }[] }>('GET', '/v1/receipt-keys'),
  )
  const revokedKeys = await keys.statuses()
  const histories = await historiesOf(stage)
  const memory = watch.stop()
  const { unexpectedExits } = stage.gateway
  const exitCode = await stage.gateway.stop()
  return {
    ...{ tasks: plan.tasks, acceptances, known: known.map(({ id }) => id), ended, cancelled, revokedKeys },
    updates: (await Promise.all(plan.tasks.map(({ key }) => stage.remotes.updates(key)))).flat(),
    ledger: [...stage.simulator.ledger],
    strikes: [...strikes, ...kills],
    receiptKeys: items.map(({ publicKey }) => publicKey),
    ...{ modelLatencyMs: MODEL_LATENCY_MS, memory },
    ...{ ...histories, unexpectedExits, exitCode, leaks: await leaksOf(stage, keys) },
    leftProcesses: processesOf(stage.run, {
      grouped: stage.group?.pids ?? [],
      known: [stage.temporal.running.pid, stage.postgres.running.pid],
    }),
  }
}

async function historiesOf(stage: Stage): Promise<Pick<Observations, 'openWorkflows' | 'unreplayable'>> {
  const { client, close } = await stage.temporalClient()
  try {
    return {
      openWorkflows: await openWorkflows(client),
      unreplayable: await unreplayable(client, stage.directory),
    }
  } finally {
    await close()
  }
}

/** Looked for in everything that was written: by the gateway, by Temporal, by PostgreSQL, by the model. */
async function leaksOf({ directory, postgres, secrets }: Stage, { keys }: KeyRotation): Promise<readonly string[]> {
  const all = { ...secrets, ...Object.fromEntries(keys.map((key, index) => [`API key ${index + 1}`, key])) }
  return [...(await leaksInFiles(directory, all)), ...(await leaksInDatabase(postgres.running.url, all))]
}
