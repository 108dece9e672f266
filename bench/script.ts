import { fileURLToPath } from 'node:url'
import { loadTask } from '../fixtures/load-task.ts'
import { scriptFor } from '../fixtures/script-for.ts'
import type { GeminiScript, ScriptedTask, ScriptedTurn } from '../simulators/gemini/script.ts'

/** The engineering job: read two files, correct one, run the tests, hand in. */
export const JOB = loadTask(fileURLToPath(new URL('../fixtures/tasks/token-bucket', import.meta.url)))
/** Model calls of that job: understanding and one a turn. */
export const JOB_MODEL_CALLS = 5

/** Two turns on nothing: neither git nor a command is needed. */
export const ERRAND = 'Bench: note a plan and hand in.'
export const ERRAND_TURNS = 2
/** Long enough to measure around turn 10. */
export const SHORT_TURNS = 15
export const SHORT_ERRAND = 'Bench: note a plan a few times, then hand in.'
/** Long enough to measure around turn 200. */
export const LONG_TURNS = 206
export const LONG_ERRAND = 'Bench: note a plan again and again, then hand in.'
/** What gemini-cli 0.61 was measured with: write a file, run a command, answer. */
export const TWO_TOOLS = 'Bench: write hello.txt with the word hello in it, then show that it is there.'
/** One command after another, each of which leaves a line and takes its time. */
export const STEPS = ['one', 'two', 'three'] as const
export const STEPS_ERRAND = 'Bench: take three steps, then hand in.'
/** As long, with commands that say more than any model is shown. */
export const LOUD = { prompt: 'Bench: be loud again and again, then hand in.', turns: 200, outputBytes: 200_000 }
export const LOUDEST = {
  prompt: 'Bench: be as loud as can be, for as long as can be, then hand in.',
  turns: 500,
  outputBytes: 1_000_000,
}

const noteTurn = (description: string): ScriptedTurn => ({
  calls: [{ name: 'write_todos', args: { todos: [{ description, status: 'pending' }] } }],
})
const commandTurn = (command: string): ScriptedTurn => ({ calls: [{ name: 'run_shell_command', args: { command } }] })
const lastTurn: ScriptedTurn = { calls: [{ name: 'complete_task', args: { summary: 'Noted.' } }] }

const errand = (match: string, turns: readonly ScriptedTurn[]): ScriptedTask => ({
  match,
  understanding: {
    title: 'Bench',
    kind: 'code',
    summary: 'A task of the bench.',
    priority: 3,
    risk: 'low',
    needsRepository: false,
  },
  turns: [...turns, lastTurn],
})

/** Each command says the number of its turn; the conversation is shortened on the way: what comes next does not follow from how long it is. */
function loudErrand({ prompt, turns, outputBytes }: typeof LOUD): ScriptedTask {
  const beLoud = `turn=$(($(cat turn 2>/dev/null || echo 0) + 1)); echo $turn > turn
yes 'a line of a very long output' | head -c ${outputBytes}; echo; echo "turn $turn of ${turns}"`
  const when = { lastResponseContains: `turn ${turns} of ${turns}`, otherwise: commandTurn(beLoud) }
  return errand(
    prompt,
    Array.from({ length: turns }, () => ({ ...lastTurn, when })),
  )
}

/** What the scripted model plays in all rows. */
export const SCRIPT: GeminiScript = {
  tasks: [
    errand(ERRAND, [noteTurn('hand in')]),
    ...[
      { match: SHORT_ERRAND, turns: SHORT_TURNS },
      { match: LONG_ERRAND, turns: LONG_TURNS },
    ].map(({ match, turns }) =>
      errand(
        match,
        Array.from({ length: turns }, (_, turn) => noteTurn(`hand in, step ${turn}`)),
      ),
    ),
    errand(
      STEPS_ERRAND,
      STEPS.map((step) => commandTurn(`echo ${step} >> steps.txt; sleep 0.6`)),
    ),
    loudErrand(LOUD),
    loudErrand(LOUDEST),
    errand(TWO_TOOLS, [
      { calls: [{ name: 'write_file', args: { file_path: 'hello.txt', content: 'hello\n' } }] },
      commandTurn('cat hello.txt'),
    ]),
    ...scriptFor({ task: JOB, variant: 'straight' }).tasks,
  ],
}
