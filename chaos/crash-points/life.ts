import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../domain/errors.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { isFinal, type TaskRequest } from '../../domain/task.ts'
import type { GeminiScript, ScriptedTask } from '../../simulators/gemini/script.ts'
import type { Stage } from '../stage.ts'

const LOOK_EVERY_MS = 100
const CHECK = 'sh check.sh'
const call = (name: string, args: Record<string, unknown>) => ({ name, args })

/** Text of the prompt that no other task of a run has. */
export const markOf = (key: string): string => `Crash ${key}:`

/** One life that has every effect: steered, rejected once by the verifier, approved, delivered. */
export const scriptFor = (keys: readonly string[]): GeminiScript => ({ tasks: keys.map(playOf) })

function playOf(key: string): ScriptedTask {
  const complete = { calls: [call('complete_task', { summary: 'It says goodbye.' })] }
  return {
    match: markOf(key),
    understanding: { title: key, kind: 'code', summary: 'S', priority: 3, risk: 'low', needsRepository: true },
    turns: [
      { calls: [call('read_file', { file_path: 'greeting.txt' })] },
      { calls: [call('write_file', { file_path: 'notes/done.txt', content: 'done\n' })] },
      complete,
      { calls: [call('replace', { file_path: 'greeting.txt', old_string: 'hello', new_string: 'goodbye' })] },
      { calls: [call('run_shell_command', { command: `echo ran >> ran.log; ${CHECK}` })] },
      complete,
    ],
  }
}

export const requestFor = (key: string, url: string): TaskRequest => ({
  ...{ prompt: `${markOf(key)} say goodbye in greeting.txt.`, kind: 'code', repository: { url } },
  acceptance: { commands: [CHECK], protectedPaths: ['check.sh'] },
  // Asks before commands.
  constraints: { approvalMode: 'auto_edit' },
})

/** Sends a task, says a word to it once it is being built, approves what it asks for, and waits for its end. */
export async function liveThrough(stage: Stage, key: string, signal: AbortSignal): Promise<TaskView> {
  const { api } = stage
  const body = requestFor(key, await stage.remotes.add(key))
  const headers = { 'idempotency-key': `${stage.run}-${key}` }
  const { id } = await api.ask((client) => client.json<TaskView>('POST', '/v1/tasks', { body, headers }))
  let steered = false
  for (;;) {
    const task = await api.ask((client) => client.json<TaskView>('GET', `/v1/tasks/${id}`))
    if (isFinal(task.state)) return task
    if (!steered && task.state === 'building' && task.progress.turn >= 1) {
      steered = await said(stage, `/v1/tasks/${id}/messages`, { text: 'Mind the umlauts.' })
    }
    const approvalId = task.state === 'awaiting_approval' ? task.waiting?.approvalId : undefined
    if (approvalId !== undefined) await said(stage, `/v1/tasks/${id}/approvals/${approvalId}`, { decision: 'approve' })
    await delay(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** False when the task had moved on, or the answer to an earlier try was lost and it is done already. */
async function said({ api }: Stage, path: string, body: object): Promise<boolean> {
  try {
    await api.ask((client) => client.json('POST', path, { body }))
    return true
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'conflict') return false
    throw error
  }
}
