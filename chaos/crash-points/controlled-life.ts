import { setTimeout as delay } from 'node:timers/promises'
import { kill } from '../../adapters/processes/kill.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { buildersOf } from '../builders.ts'
import type { Stage } from '../stage.ts'
import { call, markOf, said, submit, type Life } from './life.ts'

const CHECK = 'sh check.sh'
/** Long enough to be told something meanwhile. */
const LONG = 'sleep 1.5'
/** About 20 cents, and so more than the budget. */
const COSTLY = { promptTokenCount: 100_000 }

/** Asks something, runs out of budget, gets another priority, is paused and resumed, loses its Builder, delivers. */
export function createControlledLife(): Life {
  const done = new Set<string>()
  const once = async (what: string, act: () => Promise<boolean>) => {
    if (!done.has(what) && (await act())) done.add(what)
  }
  return {
    play: (key) => [
      {
        match: markOf(key),
        understanding: { title: key, kind: 'code', summary: 'S', priority: 3, risk: 'low', needsRepository: true },
        turns: [
          { calls: [call('ask_user', { question: 'Which word?' })], usage: COSTLY },
          {
            calls: [
              call('write_file', { file_path: 'notes/done.txt', content: 'done\n' }),
              call('replace', { file_path: 'greeting.txt', old_string: 'hello', new_string: 'goodbye' }),
            ],
          },
          { calls: [call('run_shell_command', { command: LONG })] },
          { calls: [call('run_shell_command', { command: `echo ran >> ran.log; ${LONG}; ${CHECK}` })] },
          { calls: [call('complete_task', { summary: 'It says goodbye.' })] },
        ],
      },
    ],
    begin: async (stage, key) =>
      submit(stage, key, {
        ...{ prompt: `${markOf(key)} say something in greeting.txt.`, kind: 'code' },
        repository: { url: await stage.remotes.add(key) },
        acceptance: { commands: [CHECK], protectedPaths: ['check.sh'] },
        constraints: { budgetUsd: 0.1 },
      }),
    async attend(stage, task) {
      const { id, state } = task
      const path = `/v1/tasks/${id}`
      if (state === 'awaiting_input') {
        await once(`${id} priority`, () => said(stage, `${path}/priority`, { priority: 1 }))
        await once(`${id} answer`, () => said(stage, `${path}/messages`, { text: 'Goodbye.' }))
      }
      if (state === 'awaiting_budget') await said(stage, `${path}/budget`, { budgetUsd: 50 })
      if (isAt(task, 3)) await once(`${id} pause`, () => said(stage, `${path}/pause`))
      if (state === 'paused') await said(stage, `${path}/resume`)
      if (isAt(task, 4)) await once(`${id} loss`, () => loseBuilder(stage, id))
    },
  }
}

const isAt = ({ state, progress }: TaskView, turn: number): boolean => state === 'building' && progress.turn === turn

/** False when no builder has the task at the moment. */
async function loseBuilder(stage: Stage, id: string): Promise<boolean> {
  const holder = (await buildersOf(stage)).find(({ tasks }) => tasks.includes(id))
  // Into its command, not before it.
  await delay(300)
  if (holder) kill(holder.pid, 'SIGKILL')
  return holder !== undefined
}
