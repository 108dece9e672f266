import type { GatewayActivities, UnderstandingOutcome } from '../../domain/contracts.ts'
import type { ModelPart } from '../../domain/conversation.ts'
import { GatewayError } from '../../domain/errors.ts'
import { costOf } from '../../domain/prices.ts'
import { toPriority } from '../../domain/priority.ts'
import type { Memory } from '../../domain/ports/memory.ts'
import { faultOf, type ModelAnswer, type ModelClient, type ModelRequest } from '../../domain/ports/model.ts'
import type { Store, TaskWork } from '../../domain/ports/store.ts'
import { understandingSchema } from '../../domain/schemas/understanding.ts'
import { partsOf } from '../../domain/subtasks.ts'
import { UNDERSTANDING_SCHEMA, type Understanding } from '../../domain/understanding.ts'
import { beating } from '../beating.ts'
import { answerInstruction, answerTo, understandingInstruction } from '../prompts/understanding.ts'
import { briefOf } from './brief.ts'

/** How often a requester is asked before the work starts with what is known. */
const QUESTIONS = 3

export interface UnderstandDependencies {
  readonly store: Store
  readonly model: ModelClient
  readonly memory: Memory
  readonly models: { readonly main: string; readonly fast: string }
  readonly clock: () => Date
}

/** The understanding step: what is asked, how urgent, how risky; a question is answered at once. */
export function createUnderstandTask(dependencies: UnderstandDependencies): Pick<GatewayActivities, 'understandTask'> {
  const { store } = dependencies
  return {
    understandTask: ({ taskId, round }) =>
      beating(async (): Promise<UnderstandingOutcome> => {
        const known = await store.tasks.move({ taskId, to: 'understanding' })
        // A question whose answer the budget did not allow is understood, in whichever round that was.
        const isUnderstood = known.understoodRound >= round || lacksAnswer(known)
        if (!isUnderstood && isSpent(known)) return budgetReached(known)
        const work = isUnderstood ? known : await noteUnderstanding(dependencies, known, round)
        if (!lacksAnswer(work)) return outcomeOf(work)
        return isSpent(work) ? budgetReached(work) : outcomeOf(await noteAnswer(dependencies, work))
      }),
  }
}

/** Asked before each call of the model. */
const isSpent = ({ task: { constraints, cost } }: TaskWork): boolean =>
  constraints.budgetUsd !== undefined && cost.usd >= constraints.budgetUsd

const budgetReached = ({ task }: TaskWork): UnderstandingOutcome => ({ type: 'budget-reached', brief: briefOf(task) })

/** A question that was understood and not answered with it. */
const lacksAnswer = ({ task, understanding }: TaskWork): boolean =>
  task.kind === 'question' && understanding !== undefined && understanding.answer === undefined

/** Asks the model and stores what it understood, as the outcome of this round; gives what stands then. */
async function noteUnderstanding(
  dependencies: UnderstandDependencies,
  work: TaskWork,
  round: number,
): Promise<TaskWork> {
  const understood = await understand(dependencies, work)
  const kind = work.request.kind ?? understood.kind
  const { summary, risk } = understood
  const answer = kind === 'question' ? understood.answer : undefined
  return dependencies.store.tasks.note({
    taskId: work.task.id,
    change: {
      title: work.request.title ?? understood.title,
      kind,
      priority: work.request.priority ?? toPriority(understood.priority),
      understanding: { ...understood, answer },
      understoodRound: round,
    },
    events: [{ type: 'task-understood', data: { kind, summary, risk } }],
  })
}

/** Asks the model for the answer that did not come with the understanding, and stores it there. */
async function noteAnswer(dependencies: UnderstandDependencies, work: TaskWork): Promise<TaskWork> {
  const { store } = dependencies
  const { task, understanding } = work
  const answer = await answerQuestion(dependencies, work)
  return store.tasks.note({
    taskId: task.id,
    change: { ...(understanding && { understanding: { ...understanding, answer } }) },
  })
}

function outcomeOf({ task, understanding, understoodRound }: TaskWork): UnderstandingOutcome {
  const brief = briefOf(task)
  const { answer, clarifyingQuestion: question } = understanding ?? {}
  if (answer !== undefined) return { type: 'answered', brief, answer }
  if (question !== undefined && understoodRound <= QUESTIONS) return { type: 'unclear', brief, question }
  const parts = understanding ? partsOf(task, understanding).length : 0
  return { type: 'understood', brief, ...(parts > 0 && { parts }) }
}

async function understand(dependencies: UnderstandDependencies, work: TaskWork): Promise<Understanding> {
  const { memory, models } = dependencies
  const { task, request } = work
  const recalled = await memory.recall({ tenant: task.tenant, user: task.requester, text: task.prompt, limit: 5 })
  const answer = await ask(dependencies, work, {
    model: models.main,
    systemInstruction: understandingInstruction({
      hasRepository: request.repository !== undefined,
      hasAcceptance: request.acceptance !== undefined,
      recalled: recalled.map(({ context }) => context),
    }),
    jsonSchema: UNDERSTANDING_SCHEMA,
  })
  const parsed = understandingSchema.safeParse(jsonOf(answer))
  if (parsed.success) return parsed.data
  const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole answer').join(', ')
  throw malformed(`it does not fit the schema (${fields})`)
}

async function answerQuestion(dependencies: UnderstandDependencies, work: TaskWork): Promise<string> {
  const answer = await ask(dependencies, work, {
    model: dependencies.models.fast,
    systemInstruction: answerInstruction(),
  })
  return textOf(answer.parts)
}

async function ask(
  { store, model, clock }: UnderstandDependencies,
  work: TaskWork,
  request: Omit<ModelRequest, 'contents'>,
): Promise<ModelAnswer> {
  const { task, understanding } = work
  const replies = await store.conversations.unread(task.id)
  // A file comes with the request or with a text.
  const isTextAlone = replies.length === 0 && (work.request.attachments ?? []).length === 0
  const files = isTextAlone ? [] : await store.attachments.parts(await store.attachments.unread(task.id))
  const asked = understanding?.clarifyingQuestion
  const said = replies.map((text) => (asked === undefined ? `Added: ${text}` : answerTo(asked, text)))
  const answer = await model.generate({
    ...request,
    contents: [{ role: 'user', parts: [...[task.prompt, ...said].map((text) => ({ text })), ...files] }],
  })
  const usd = costOf({ model: answer.model, usage: answer.usage, at: clock().toISOString() })
  await store.conversations.recordCall({ taskId: task.id, turn: 0, model: answer.model, usage: answer.usage, usd })
  const fault = faultOf(answer)
  if (fault) throw fault
  return answer
}

function jsonOf(answer: ModelAnswer): unknown {
  try {
    return JSON.parse(textOf(answer.parts))
  } catch {
    throw malformed('it is not JSON')
  }
}

const textOf = (parts: readonly ModelPart[]): string =>
  parts
    .filter((part) => part.thought !== true)
    .map((part) => part.text ?? '')
    .join('')
    .trim()

const malformed = (why: string): GatewayError =>
  new GatewayError('model_malformed', `The model's understanding of the task cannot be used: ${why}. Retry the task.`, {
    retryable: true,
  })
