import { BAD_GATEWAY } from '../webhook/fault-plan.ts'
import type { Answer } from '../webhook/local-server.ts'
import { limited, problem, type ForgeKind } from './problems.ts'

/** What a client asks for, as faults and ledger name it. */
export type Operation = 'git' | 'repository' | 'find' | 'create'

/** Faults `failNext` can order. */
export const FAULTS = [
  'internal',
  'bad-gateway',
  'rate-limited',
  'secondary-limit',
  'primary-limit',
  'reset-before',
  'internal-after',
  'reset-after',
  'hang-after',
] as const

/** Those that end in `after` carry the call out and lose the answer: the client cannot know. */
export type Fault = (typeof FAULTS)[number]

const HOUR_S = 3_600

/** What the client gets instead of its answer. */
export function answerOf(fault: Fault, kind: ForgeKind): Answer {
  switch (fault) {
    case 'internal':
    case 'internal-after':
      return problem(kind, { status: 500, message: 'Server Error' })
    case 'bad-gateway':
      return BAD_GATEWAY
    case 'rate-limited':
      return limited({ status: 429, message: 'Too Many Requests', headers: { 'retry-after': '1' } })
    case 'secondary-limit':
      return limited({
        status: 403,
        message:
          'You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID.',
        headers: { 'retry-after': '1' },
      })
    case 'primary-limit':
      return limited({
        status: 403,
        message: 'API rate limit exceeded for user ID 1.',
        headers: {
          'x-ratelimit-limit': '5000',
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': String(Math.floor(Date.now() / 1_000) + HOUR_S),
        },
      })
    case 'reset-before':
    case 'reset-after':
      return { kind: 'reset' }
    case 'hang-after':
      return { kind: 'hang' }
  }
}
