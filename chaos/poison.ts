import { setTimeout as delay } from 'node:timers/promises'
import { kill } from '../adapters/processes/kill.ts'
import type { EventView } from '../cli/client.ts'
import { isFinal } from '../domain/task.ts'
import type { TaskView } from '../domain/schemas/task.ts'
import { buildersOf } from './builders.ts'
import type { StrikeRecord } from './observations.ts'
import { allPages } from './pages.ts'
import type { Stage } from './stage.ts'

const LOOK_EVERY_MS = 150

/** Kills each builder that runs the command of a task, until the task has ended. Gives the kills. */
export async function killHolders(stage: Stage, id: string, signal: AbortSignal): Promise<readonly StrikeRecord[]> {
  const { api } = stage
  const kills = new Map<string, StrikeRecord>()
  for (;;) {
    const task = await api.ask((client) => client.json<TaskView>('GET', `/v1/tasks/${id}`))
    if (isFinal(task.state)) return [...kills.values()]
    const holder = (await buildersOf(stage)).find((builder) => builder.tasks.includes(id) && !kills.has(builder.id))
    if (holder && (await runsCommand(stage, id)) && kill(holder.pid, 'SIGKILL')) {
      const now = Date.now()
      const tasks = holder.tasks.filter((task) => task !== id)
      kills.set(holder.id, {
        fault: 'builder-kill',
        startedAt: now,
        endedAt: now,
        victim: `builder ${holder.id}`,
        tasks,
      })
    }
    await delay(LOOK_EVERY_MS, undefined, { signal })
  }
}

async function runsCommand({ api }: Stage, id: string): Promise<boolean> {
  const events = await allPages<EventView>(api, `/v1/tasks/${id}/events`)
  const ofCommand = events.filter(({ name }) => name === 'run_shell_command')
  return ofCommand.at(-1)?.type === 'tool-called'
}
