import type { Verdict } from '../../../../domain/task.ts'
import { createChooser, type Chooser } from '../../random-requests.ts'
import type { ScriptedCall, TaskScript, Understood } from '../task-script.ts'
import type { DatabaseFault, Fault, Life, Message, Reaction, Saying, StepFault } from './life.ts'

/** Over at the start, in seconds, in hours, in a month. */
const DEADLINES_MS = [-1_000, 1_000, 60_000, 3_600_000, 30 * 86_400_000]

/** The same life for the same seed. */
export function drawLife(seed: number): Life {
  // Neighbours must not resemble each other.
  const choose = createChooser(Math.imul(seed, 2_654_435_761))
  const script = { ...drawScript(choose), ...drawDivision(seed) }
  const steps = stepsOf(script)
  const life = {
    ...{ seed, script, sayings: drawSayings(choose, { seed, script, steps }) },
    ...{ faults: drawFaults(choose, steps), databaseFaults: drawDatabaseFaults(choose, script) },
    reactions: Array.from({ length: 6 }, () => drawReaction(choose)),
  }
  return choose.chance(0.08) ? { ...life, deadlineInMs: choose.pick(DEADLINES_MS) } : life
}

function drawScript(choose: Chooser): TaskScript {
  const { pick, chance } = choose
  const turns = drawTurns(choose, pick([1, 1, 2, 2, 3]))
  return {
    understanding: drawUnderstanding(choose),
    turns,
    ...(chance(0.12) && { budgetReachedAt: [pick(turns.map((_, index) => index + 1))] }),
    verdicts: drawVerdicts(choose),
  }
}

const drawTurns = (choose: Chooser, length: number): readonly (readonly ScriptedCall[])[] =>
  Array.from({ length }, () => Array.from({ length: choose.pick([0, 1, 1, 2]) }, () => drawCall(choose)))

/** Some are built in parts. Drawn apart, so that the lives of all others do not change with it. */
function drawDivision(seed: number): Pick<TaskScript, 'parts' | 'conflicts'> {
  const choose = createChooser(Math.imul(seed, 40_503))
  const { pick, chance } = choose
  if (!chance(0.25)) return {}
  const parts = Array.from({ length: pick([2, 2, 3]) }, (): TaskScript => {
    const turns = drawTurns(choose, pick([1, 1, 2]))
    return { turns, verdicts: ['not_run'], ...(chance(0.12) && { budgetReachedAt: [1] }) }
  })
  return { parts, conflicts: chance(0.3) }
}

function drawUnderstanding({ pick, chance }: Chooser): readonly Understood[] {
  if (chance(0.03)) return [{ answers: 'Forty-two.' }]
  if (chance(0.8)) return ['understood']
  const first = pick<Understood>([{ asks: 'Which module?' }, 'budget-reached'])
  return [first, pick<Understood>(['understood', { asks: 'And which function?' }]), 'understood']
}

function drawCall({ pick, chance }: Chooser): ScriptedCall {
  if (chance(0.12)) return { name: 'run_shell_command', decision: 'ask' }
  return chance(0.06) ? { name: 'ask_user', kind: 'human' } : pick(['read_file', 'replace', 'write_file'])
}

function drawVerdicts({ pick, chance }: Chooser): readonly Verdict[] {
  if (chance(0.8)) return [pick<Verdict>(['passed', 'passed', 'not_run'])]
  return chance(0.3) ? ['failed', 'failed', 'failed'] : pick<readonly Verdict[]>([['failed'], ['failed', 'failed']])
}

/** Every step of a builder or of the understanding that a life without trouble has. */
function stepsOf({ understanding = [], turns = [], verdicts = [], parts = [] }: TaskScript): readonly string[] {
  return [
    ...understanding.map((_, index) => `understand ${index + 1}`),
    ...parts.flatMap((part, index) => stepsOf(part).map((step) => `part ${index + 1}: ${step}`)),
    ...(parts.length > 0 ? ['merge'] : []),
    ...['seat 1', 'workspace'],
    ...turns.flatMap((calls, turn) => [
      `turn ${turn + 1}`,
      ...calls.map((_, position) => `tool ${turn + 1}.${position}`),
    ]),
    ...[...verdicts, 'passed'].slice(0, 2).map((_, index) => `verification ${index + 1}`),
    'deliver',
  ]
}

interface Place {
  readonly seed: number
  readonly script: TaskScript
  readonly steps: readonly string[]
}

function drawSayings(choose: Chooser, place: Place): readonly Saying[] {
  const { pick, chance } = choose
  return Array.from({ length: pick([0, 0, 1, 1, 2, 3]) }, (_, saying) => ({
    at: pick(place.steps),
    messages: Array.from({ length: pick([1, 1, 2]) }, (_one, number) =>
      drawMessage(choose, { ...place, text: `text ${place.seed}.${saying}.${number}` }),
    ),
    awaited: chance(0.7),
  }))
}

function drawMessage(choose: Chooser, { script, text }: Place & { readonly text: string }): Message {
  const { pick } = choose
  const approvalId = pick([...approvalsOf(script), 'approval-9.9'])
  return pick<Message>([
    { type: 'cancel' },
    ...([{ type: 'pause' }, { type: 'pause' }, { type: 'resume' }, { type: 'drain' }] as const),
    ...([
      { type: 'say', text },
      { type: 'say', text },
    ] as const),
    { type: pick(['approve', 'reject'] as const), approvalId },
    { type: 'reprioritise', priority: pick([1, 2, 3, 4, 5]) },
    { type: 'raiseBudget', budgetUsd: pick([1, 5]) },
  ])
}

function approvalsOf({ turns = [], parts = [] }: TaskScript, prefix = ''): readonly string[] {
  const own = turns.flatMap((calls, turn) =>
    calls.flatMap((call, position) => (typeof call === 'object' ? [`approval-${prefix}${turn + 1}.${position}`] : [])),
  )
  return [...own, ...parts.flatMap((part, index) => approvalsOf(part, `${index + 1}.`))]
}

const ON_SEAT = [
  ...['killed', 'killed', 'zombie', 'dropped', 'dropped', 'throws-internal', 'throws-final'],
  ...['answer-lost', 'answer-lost'],
] as const satisfies readonly StepFault[]
const IN_THE_QUEUE = ['dropped'] as const satisfies readonly StepFault[]
/** What a model or a remote repository does. */
const OUTSIDE = ['throws-internal', 'throws-retryable', 'throws-final'] as const satisfies readonly StepFault[]

function drawFaults(choose: Chooser, steps: readonly string[]): readonly Fault[] {
  const { pick, chance } = choose
  return Array.from({ length: pick([0, 0, 1, 1, 2]) }, () => {
    const at = pick(steps)
    return { at, fault: pick(faultsAt(choose, at)), times: chance(0.8) ? 1 : 2 }
  })
}

function faultsAt({ chance }: Chooser, place: string): readonly StepFault[] {
  const step = place.replace(/^part \d+: /, '')
  if (step.startsWith('seat')) return IN_THE_QUEUE
  if (step.startsWith('understand')) return OUTSIDE
  // Standing still is waited for in real time: five beats.
  if (chance(0.04)) return ['frozen']
  return /^(turn|workspace|merge|deliver)/.test(step) && chance(0.3) ? OUTSIDE : ON_SEAT
}

const DATABASE_STEPS = [
  ...['understandTask', 'queueTask', 'assignBuilder', 'assignBuilder', 'noteBuilderLost', 'awaitHuman'],
  ...['awaitHuman', 'pauseTask', 'resumeTask', 'beginVerification', 'requestRepair', 'beginDelivery', 'endTask'],
  ...['receiveMessage', 'receiveMessage', 'decideApproval', 'decideApproval', 'changeBudget', 'changePriority'],
] as const

const DIVIDING_STEPS = ['openSubtasks', 'openSubtasks', 'showSubtaskWait', 'concludeSubtasks'] as const

function drawDatabaseFaults(choose: Chooser, { parts }: TaskScript): readonly Fault<DatabaseFault>[] {
  const { pick } = choose
  const steps = parts ? [...DATABASE_STEPS, ...DIVIDING_STEPS] : DATABASE_STEPS
  return Array.from({ length: pick([0, 1, 1, 2, 3]) }, () => ({
    at: pick<string>(steps),
    fault: pick<DatabaseFault>(['away', 'commit-unanswered', 'commit-unanswered']),
    times: pick([1, 1, 2]),
  }))
}

function drawReaction({ pick, chance }: Chooser): Reaction {
  return {
    when: pick(['soon', 'soon', 'late', 'slow', 'never'] as const),
    refuses: chance(0.3),
    twice: chance(0.2),
  }
}
