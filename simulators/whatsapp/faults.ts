import type { Answer } from '../webhook/local-server.ts'
import { somethingWrong, throughputHit, unavailable, type GraphError } from './graph-error.ts'

/** Faults `failNext` can order. */
export const FAULTS = [
  'internal',
  'internal-after',
  'unavailable',
  'rate-limited',
  'reset-before',
  'reset-after',
  'hang-after',
] as const

/** Those that end in `after` accept the message all the same: the client cannot know. */
export type Fault = (typeof FAULTS)[number]

/** What the client gets instead of its answer. */
export function answerOf(fault: Fault): Answer {
  switch (fault) {
    case 'internal':
    case 'internal-after':
      return refused(somethingWrong())
    case 'unavailable':
      return refused(unavailable())
    case 'rate-limited':
      return refused(throughputHit())
    case 'reset-before':
    case 'reset-after':
      return { kind: 'reset' }
    case 'hang-after':
      return { kind: 'hang' }
  }
}

const refused = ({ http, body }: GraphError): Answer => ({ kind: 'answer', status: http, body })
