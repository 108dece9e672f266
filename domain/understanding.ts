import type { TaskKind } from './task.ts'

/** What the model made of a request. The requester's own fields always win over it. */
export interface Understanding {
  readonly title: string
  readonly kind: TaskKind
  readonly summary: string
  readonly priority: number
  readonly risk: 'low' | 'medium' | 'high'
  readonly needsRepository: boolean
  readonly clarifyingQuestion?: string | undefined
  /** A question answered at once, without a Builder. */
  readonly answer?: string | undefined
  readonly subtasks?: readonly { readonly title: string; readonly prompt: string }[] | undefined
  /** Proposals: they count only after the requester confirmed them. */
  readonly acceptanceCommands?: readonly string[] | undefined
}

/** JSON Schema the understanding step sends as `responseJsonSchema`. */
export const UNDERSTANDING_SCHEMA = {
  type: 'object',
  properties: {
    title: { type: 'string', description: 'Imperative, at most 80 characters.' },
    kind: { type: 'string', enum: ['code', 'data', 'question', 'operations'] },
    summary: { type: 'string', description: 'What is to be done, in one or two sentences.' },
    priority: { type: 'integer', minimum: 1, maximum: 5, description: '1 is most urgent, 3 is usual.' },
    risk: { type: 'string', enum: ['low', 'medium', 'high'] },
    needsRepository: { type: 'boolean' },
    clarifyingQuestion: { type: 'string', description: 'Only when the work cannot start without the answer.' },
    answer: { type: 'string', description: 'Only for kind question: the whole answer.' },
    subtasks: {
      type: 'array',
      items: {
        type: 'object',
        properties: { title: { type: 'string' }, prompt: { type: 'string' } },
        required: ['title', 'prompt'],
      },
    },
    acceptanceCommands: { type: 'array', items: { type: 'string' } },
  },
  required: ['title', 'kind', 'summary', 'priority', 'risk', 'needsRepository'],
} as const
