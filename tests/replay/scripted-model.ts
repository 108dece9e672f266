import type { ModelRequest, ScriptedTurn } from '../../simulators/gemini/script.ts'

const call = (name: string, args: Record<string, unknown>): ScriptedTurn => ({ calls: [{ name, args }] })
const complete = call('complete_task', { summary: 'It is done.' })
const slowly = (seconds: number) => call('run_shell_command', { command: `sleep ${seconds}` })
const firstThen =
  (first: ScriptedTurn) =>
  ({ turn }: ModelRequest) =>
    turn === 0 ? first : complete

/** What the model does in the task of each name; see `record.ts`. */
const TURNS: Readonly<Record<string, (request: ModelRequest) => ScriptedTurn>> = {
  completed: firstThen(call('write_file', { file_path: 'a.txt', content: 'a' })),
  'repaired-and-failed': () => complete,
  'failed-by-the-model': () => ({ fault: 'safety' }),
  cancelled: () => slowly(600),
  expired: () => slowly(600),
  'asked-and-answered': firstThen(call('ask_user', { question: 'Which colour?' })),
  'clarified-first': () => complete,
  approved: firstThen(call('run_shell_command', { command: 'true' })),
  'budget-raised': ({ turn }) => (turn < 2 ? { ...slowly(0), usage: { candidatesTokenCount: 10_000 } } : complete),
  'paused-and-resumed': ({ turn }) => (turn < 2 ? slowly(2) : complete),
  'seat-lost': firstThen(slowly(3)),
  looping: ({ turn }) => (turn < 10 ? call('list_directory', { dir_path: '.' }) : complete),
  'one-part': firstThen(call('write_file', { file_path: 'a.txt', content: 'one\n' })),
  'asking-part': ({ turn }) =>
    turn === 0
      ? call('ask_user', { question: 'Which colour?' })
      : turn === 1
        ? call('write_file', { file_path: 'a.txt', content: 'other\n' })
        : complete,
  'slow-part': () => slowly(600),
  divided: firstThen(call('write_file', { file_path: 'a.txt', content: 'one\nother\n' })),
  'continued-as-new': ({ turn }) =>
    turn < 150 ? call('write_todos', { todos: [{ description: `${turn}`, status: 'pending' }] }) : complete,
}

/** What the tasks that are divided fall into. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  divided: ['one-part', 'asking-part'],
  'divided-and-cancelled': ['slow-part', 'slow-part'],
}

/** Plays the task whose name begins the prompt. */
export function scriptedModel(request: ModelRequest): ScriptedTurn {
  const name = /^[\w-]+/.exec(request.text)?.[0] ?? ''
  if (!request.wantsJson) return TURNS[name]?.(request) ?? complete
  const unclear = name === 'clarified-first' && !request.text.includes('The parser.')
  const understanding = { title: name, kind: 'code', summary: name, priority: 3, risk: 'low', needsRepository: false }
  const more = unclear ? { clarifyingQuestion: 'Which module?' } : name === 'answered' ? { answer: 'Because.' } : {}
  const subtasks = PARTS[name]?.map((part) => ({ title: part, prompt: `${part} of the task` }))
  return { text: JSON.stringify({ ...understanding, ...more, ...(subtasks && { subtasks }) }) }
}
