import type { Answer } from './local-server.ts'

/** What a proxy before a service says when that does not answer. */
export const BAD_GATEWAY: Answer = {
  kind: 'answer',
  status: 502,
  headers: { 'content-type': 'text/html' },
  body: '<html><head><title>502 Bad Gateway</title></head></html>',
}

/** Whether the call is carried out although the client does not get its answer, and so cannot know. */
export const isCarriedOut = (fault: string): boolean => fault.endsWith('-after')

/** The faults that are still to come, each of any call or only of one that is named. */
export class FaultPlan<Fault extends string> {
  private readonly ordered: { readonly fault: Fault; readonly call: string | undefined }[] = []

  /** What every call meets that has no fault of its own. */
  outage: Fault | undefined

  order(fault: Fault, times: number, call?: string): void {
    for (let count = 0; count < times; count++) this.ordered.push({ fault, call })
  }

  /** The fault of a call that only faults ordered by its name hit. */
  nextNamed(call: string): Fault | undefined {
    const index = this.ordered.findIndex((order) => order.call === call)
    return index === -1 ? this.outage : this.ordered.splice(index, 1)[0]?.fault
  }

  /** The fault of a call, which is then done with. */
  next(call: string): Fault | undefined {
    const index = this.ordered.findIndex((order) => order.call === undefined || order.call === call)
    return index === -1 ? this.outage : this.ordered.splice(index, 1)[0]?.fault
  }
}
