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

/** Whether the call is carried out although the client does not get its answer. */
export const isCarriedOut = (fault: Fault): boolean => fault.endsWith('-after')

/** What the client gets instead of its answer. */
export function answerOf(fault: Fault): Answer {
  switch (fault) {
    case 'internal':
    case 'internal-after':
      return refused(new Refusal(500, 'Internal Server Error'))
    case 'rate-limited':
      return refused(tooManyRequests(1))
    case 'bad-gateway':
      return {
        kind: 'answer',
        status: 502,
        headers: { 'content-type': 'text/html' },
        body: '<html><head><title>502 Bad Gateway</title></head></html>',
      }
    case 'reset-before':
    case 'reset-after':
      return { kind: 'reset' }
    case 'hang-after':
      return { kind: 'hang' }
  }
}

const refused = ({ code, body }: Refusal): Answer => ({ kind: 'answer', status: code, body })

/** The faults that are still to come. */
export class FaultPlan {
  private readonly ordered: { readonly fault: Fault; readonly method: string | undefined }[] = []

  order(fault: Fault, times: number, method?: string): void {
    for (let count = 0; count < times; count++) this.ordered.push({ fault, method: method?.toLowerCase() })
  }

  /** The fault of a call to a method, which is then done with. */
  next(method: string): Fault | undefined {
    const index = this.ordered.findIndex((order) => order.method === undefined || order.method === method)
    return index === -1 ? undefined : this.ordered.splice(index, 1)[0]?.fault
  }
}
