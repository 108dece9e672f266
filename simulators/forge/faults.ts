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

export const isCarriedOut = (fault: Fault): boolean => fault.endsWith('-after')

const HOUR_S = 3_600

/** What the client gets instead of its answer. */
export function answerOf(fault: Fault, kind: ForgeKind): Answer {
  switch (fault) {
    case 'internal':
    case 'internal-after':
      return problem(kind, { status: 500, message: 'Server Error' })
    case 'bad-gateway':
      return {
        kind: 'answer',
        status: 502,
        headers: { 'content-type': 'text/html' },
        body: '<html><head><title>502 Bad Gateway</title></head></html>',
      }
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

/** The faults that are still to come. */
export class FaultPlan {
  private readonly ordered: { readonly fault: Fault; readonly operation: Operation | undefined }[] = []

  order(fault: Fault, times: number, operation?: Operation): void {
    for (let count = 0; count < times; count++) this.ordered.push({ fault, operation })
  }

  /** The fault of an operation, which is then done with. */
  next(operation: Operation): Fault | undefined {
    const index = this.ordered.findIndex((order) => order.operation === undefined || order.operation === operation)
    return index === -1 ? undefined : this.ordered.splice(index, 1)[0]?.fault
  }
}
