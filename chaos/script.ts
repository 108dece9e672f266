import type { TaskRequest } from '../domain/task.ts'
import type { GeminiScript, ScriptedTask, ScriptedTurn } from '../simulators/gemini/script.ts'
import type { PlannedTask, Shape } from './plan.ts'

/** More than any answer holds: what is too much is cut, never carried. */
const LOUD_BYTES = 20_000_000

/** What every repository of a run holds. */
export const FILES: Readonly<Record<string, string>> = {
  'greeting.txt': 'hello\n',
  // A command that ran twice on the same files has left two lines.
  'check.sh': `set -e
grep -qx goodbye greeting.txt
test -f notes/done.txt
test "$(wc -l < ran.log)" -eq 1
`,
}
const CHECK = 'sh check.sh'

/** Text of the prompt that no other task of a run has. */
export const markOf = (key: string): string => `Chaos ${key}:`

/** What is sent for a task. */
export function requestOf(
  task: PlannedTask,
  { url, run }: { readonly url: string; readonly run: string },
): TaskRequest {
  return {
    prompt: `${markOf(task.key)} say goodbye in greeting.txt.`,
    kind: 'code',
    priority: task.priority,
    repository: { url },
    // The name of the run in every command tells its processes from all others.
    acceptance: { commands: [`: ${run}; sleep 0.2; ${CHECK}`], protectedPaths: ['check.sh'] },
  }
}

/** What the model does in a run. */
export function scriptOf(tasks: readonly PlannedTask[], run: string): GeminiScript {
  return { tasks: tasks.map((task) => playOf(task, run)) }
}

function playOf(task: PlannedTask, run: string): ScriptedTask {
  const summary = 'Says goodbye.'
  return {
    match: markOf(task.key),
    understanding: { title: task.key, kind: 'code', summary, priority: 3, risk: 'low', needsRepository: true },
    turns: turnsOf(task.shape, commandOf(task, run)),
  }
}

function commandOf({ shape, seconds }: PlannedTask, run: string): string {
  const flood = shape === 'loud' ? `yes flood | head -c ${LOUD_BYTES}; ` : ''
  return `: ${run}; echo ran >> ran.log; ${flood}sleep ${seconds}; ${CHECK}`
}

const call = (name: string, args: Record<string, unknown>) => ({ name, args })
const read = call('read_file', { file_path: 'greeting.txt' })
const note = call('write_file', { file_path: 'notes/done.txt', content: 'done\n' })
const edit = call('replace', { file_path: 'greeting.txt', old_string: 'hello', new_string: 'goodbye' })
const plan = call('write_todos', { todos: [{ description: 'say goodbye', status: 'in_progress' }] })
const clumsy = [call('make_it_work', { how: 'at once' }), call('read_file', { file_path: 7 })]
const complete = call('complete_task', { summary: 'It says goodbye.' })

function turnsOf(shape: Shape, command: string): ScriptedTurn[] {
  const check = call('run_shell_command', { command, description: 'Check' })
  const before: ScriptedTurn[] = [{ text: 'I read first.', calls: [read, plan] }]
  if (shape === 'clumsy') before.push({ text: 'I try my luck.', calls: clumsy })
  const hurried = { text: 'I note that it is done.', calls: [note] }
  if (shape === 'repair')
    return [
      ...before,
      hurried,
      { calls: [complete] },
      { text: 'I forgot it.', calls: [edit] },
      { calls: [check] },
      { calls: [complete] },
    ]
  return [...before, { text: 'Now the change.', calls: [edit, note] }, { calls: [check] }, { calls: [complete] }]
}
