import type { PlannedCall, TurnOutcome } from '../../domain/contracts.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { ApprovalMode } from '../../domain/task.ts'
import type { ScriptedModel, ScriptedTurn } from '../../simulators/gemini/script.ts'
import { Conversation, type Places } from './conversation.ts'
import { createChooser, type Chooser } from './random-requests.ts'

const MODELS = ['gemini-3.1-pro-preview', 'gemini-3.8-flash', 'gemini-4-argon', 'gemini-2.5-pro']
const MODES: readonly ApprovalMode[] = ['sandboxed', 'default', 'auto_edit', 'plan', 'yolo']
const TEXTS = [
  'x',
  'größe ✓',
  '🏳️‍🌈 שלום',
  'a\r\n\r\nb',
  '\u2028\u0000\ud83d',
  '"\\"',
  '{"a":1}',
  'data: [DONE]\n\n',
  '数字'.repeat(400),
]
const BLANK = ['', ' ', '\n']
const READING = [
  'read_file',
  'read_many_files',
  'glob',
  'grep_search',
  'search_file_content',
  'list_directory',
  'write_todos',
]
const OTHERS = ['write_file', 'replace', 'run_shell_command', 'save_memory', 'ask_user', 'a_tool_nobody_declared']
/** An answer that is of no use, or none at all. */
const FAULTS = [
  'cut',
  'stream-error',
  'overloaded',
  'internal',
  'reset',
  'empty',
  'malformed-call',
  'max-tokens',
  'no-candidates',
  'rate-limited',
] as const

const chooserOf = (...numbers: readonly number[]): Chooser =>
  createChooser(numbers.reduce((sum, number) => Math.imul(sum, 7_919) + number, 17))

/** A model whose every turn follows from the number in the first text and from how often it has spoken. */
export const randomModel: ScriptedModel = ({ text, turn }) => {
  const seed = Number(/^Task (\d+)/.exec(text)?.[1])
  const choose = chooserOf(seed, turn)
  const { pick, chance } = choose
  const faulty = chance(0.3) ? { fault: pick(FAULTS), faultTimes: pick([1, 2]) } : {}
  if (turn >= 2 + (seed % 5) || chance(0.1)) return lastTurn(choose, faulty)
  const count = pick([1, 1, 2, 3, 5])
  const calls = Array.from({ length: count }, () => ({
    name: pick([...READING, ...OTHERS]),
    args: argumentsOf(choose),
  }))
  return { ...faulty, ...(chance(0.6) && { text: pick([...TEXTS, ...BLANK]) }), calls }
}

function lastTurn({ pick, chance }: Chooser, faulty: Partial<ScriptedTurn>): ScriptedTurn {
  if (chance(0.5)) return { ...faulty, calls: [{ name: 'complete_task', args: { summary: pick(TEXTS) } }] }
  return chance(0.3)
    ? { text: `${pick(TEXTS)} and the rest of it.`, finishReason: 'CONTINUATION' }
    : { ...faulty, text: pick(TEXTS) }
}

function argumentsOf({ pick, chance }: Chooser): Record<string, unknown> {
  const value = (depth: number): unknown =>
    depth < 3 && chance(0.3)
      ? { [pick(['z', 'a', '__proto__', ''])]: value(depth + 1), b: [value(depth + 1)] }
      : pick([...TEXTS, ...BLANK, 0, -1.5e-7, 2 ** 53 - 1, true, null])
  return Object.fromEntries([
    [pick(['file_path', 'question', 'z']), value(0)],
    ['a', value(0)],
  ])
}

/** Beyond this a conversation does not end any more. */
const MOST_STEPS = 80
const MOST_TRIES = 12

/** Plays a conversation with people, lost Builders and repairs to its end; the same one for the same seed. */
export async function playRandomConversation(places: Places, seed: number): Promise<string> {
  const choose = chooserOf(seed)
  const { pick, chance } = choose
  const constraints = { approvalMode: pick(MODES) }
  const request = { prompt: `Task ${seed}: ${pick(TEXTS.filter((text) => !text.includes('\0')))}`, constraints }
  const conversation = await Conversation.begin(places, { model: pick(MODELS), request })
  let repairs = 0
  for (let step = 0; step < MOST_STEPS; step++) {
    if (chance(0.15)) await conversation.say(saying(choose))
    const outcome = await untilAnswered(conversation)
    if (outcome.type !== 'answered') throw new Error(outcome.type)
    if (!(await playCalls({ conversation, choose, calls: outcome.calls })) || !outcome.last) continue
    if (chance(0.1)) await conversation.loseSeat()
    if (chance(0.1)) await conversation.say(saying(choose))
    if (!(await conversation.beginVerification())) continue
    if (repairs === 2 || chance(0.6)) return conversation.taskId
    repairs += 1
    await conversation.requestRepair(pick(TEXTS))
  }
  throw new Error(`conversation ${seed} does not end`)
}

/** What people say holds no NUL: the API refuses it. */
const saying = ({ pick }: Chooser): string => pick(TEXTS).replaceAll('\0', '')

async function untilAnswered(conversation: Conversation): Promise<TurnOutcome> {
  for (let tries = 1; ; tries++)
    try {
      return await conversation.takeTurn()
    } catch (error) {
      if (!(error instanceof GatewayError) || !error.retryable || tries === MOST_TRIES) throw error
    }
}

/** Runs calls until something else must happen first; false then. */
async function playCalls(play: {
  readonly conversation: Conversation
  readonly choose: Chooser
  readonly calls: readonly PlannedCall[]
}): Promise<boolean> {
  const { conversation, choose, calls } = play
  const { pick, chance } = choose
  for (const call of calls) {
    if (call.decision === 'ask') return letDecide(conversation, choose, call)
    if (call.kind === 'human') return letAnswer(conversation, choose, call)
    if (chance(0.05)) {
      if (chance(0.5)) await conversation.runTool(call)
      await conversation.loseSeat()
      return false
    }
    await conversation.runTool(call, pick([{ output: pick(TEXTS) }, { error: pick(TEXTS) }, { output: '' }, {}]))
  }
  return true
}

async function letDecide(conversation: Conversation, { pick, chance }: Chooser, call: PlannedCall): Promise<false> {
  const approvalId = (await conversation.wait({ for: 'approval', turn: call.turn, position: call.position })) ?? ''
  if (chance(0.2)) await conversation.say('I am looking at it.')
  await conversation.decide(approvalId, pick(['approve', 'reject'] as const), chance(0.5) ? 'Because.' : undefined)
  await conversation.resume()
  return false
}

async function letAnswer(conversation: Conversation, choose: Chooser, call: PlannedCall): Promise<false> {
  await conversation.runTool(call)
  await conversation.wait({ for: 'input', turn: call.turn, position: call.position })
  if (choose.chance(0.1)) await conversation.loseSeat()
  for (const text of choose.pick([['yes'], [saying(choose)], ['yes', 'or rather no']])) await conversation.say(text)
  await conversation.resume()
  return false
}
