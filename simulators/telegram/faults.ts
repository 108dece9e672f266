import { BAD_GATEWAY } from '../webhook/fault-plan.ts'
import type { Answer } from '../webhook/local-server.ts'
import { Refusal, tooManyRequests } from './refusal.ts'

/** Faults `failNext` can order. */
export const FAULTS = [
  'internal',
  'internal-after',
  'bad-gateway',
  'rate-limited',
  'reset-before',
  'reset-after',
  'hang-after',
] as const

/** Those that end in `after` carry the call out all the same: the client cannot know. */
export type Fault = (typeof FAULTS)[number]

/** What the client gets instead of its answer. */
export function answerOf(fault: Fault): Answer {
  switch (fault) {
    case 'internal':
    case 'internal-after':
      return refused(new Refusal(500, 'Internal Server Error'))
    case 'rate-limited':
      return refused(tooManyRequests(1))
    case 'bad-gateway':
      return BAD_GATEWAY
    case 'reset-before':
    case 'reset-after':
      return { kind: 'reset' }
    case 'hang-after':
      return { kind: 'hang' }
  }
}

const refused = ({ code, body }: Refusal): Answer => ({ kind: 'answer', status: code, body })
