import { GatewayError } from '../../domain/errors.ts'
import type { TaskControl } from '../../domain/ports/task-control.ts'
import type { Store } from '../../domain/ports/store.ts'

/** A Manager's front door without a Manager: it keeps what it was told and writes it straight into the store. */
export interface TestTaskControl extends TaskControl {
  /** Every call so far, oldest first. */
  readonly calls: readonly { readonly verb: keyof TaskControl; readonly argument: unknown }[]
  /** The next call of the verb rejects with this. */
  failNext(verb: keyof TaskControl, error: Error): void
  /** The gateway ends right after the next call of the verb has had its effect. */
  crashNext(verb: keyof TaskControl): void
}

/** Whoever called is gone, and begins again. */
export class Crash extends Error {}

/** Remembers every call and does to the store what a Manager would do at once. */
export function createTestTaskControl(store: Store): TestTaskControl {
  const calls: { verb: keyof TaskControl; argument: unknown }[] = []
  const failures = new Map<keyof TaskControl, Error>()
  const crashes = new Set<keyof TaskControl>()
  const taken = new Set<string>()
  const told =
    <Argument>(verb: keyof TaskControl, act: (argument: Argument) => Promise<unknown>) =>
    async (argument: Argument): Promise<void> => {
      calls.push({ verb, argument })
      const failure = failures.get(verb)
      failures.delete(verb)
      if (failure) throw failure
      await act(argument)
      const { requestId } = Object(argument) as { readonly requestId?: string }
      if (requestId !== undefined) taken.add(requestId)
      if (crashes.delete(verb)) throw new Crash(`ended after ${verb}`)
    }
  const switchTo = async (to: 'paused' | 'building', taskId: string): Promise<void> => {
    if ((await store.tasks.find(taskId))?.state === to)
      throw new GatewayError('conflict', `${taskId} is ${to} already.`)
    await store.tasks.move({ taskId, to })
  }
  const end = [{ type: 'task-ended' as const, data: { state: 'cancelled' } }]
  return {
    calls,
    crashNext: (verb) => void crashes.add(verb),
    taken: ({ requestId }) => Promise.resolve(taken.has(requestId)),
    failNext: (verb, error) => void failures.set(verb, error),
    start: told('start', (taskId) => store.tasks.markStarted(taskId)),
    cancel: told('cancel', ({ taskId }) => store.tasks.move({ taskId, to: 'cancelled', events: end })),
    pause: told('pause', ({ taskId }) => switchTo('paused', taskId)),
    resume: told('resume', ({ taskId }) => switchTo('building', taskId)),
    say: told('say', (message) => store.conversations.receive(message)),
    decide: told('decide', ({ comment, ...decision }) =>
      store.conversations.decideApproval({ ...decision, ...(comment !== undefined && { comment }) }),
    ),
    reprioritise: told('reprioritise', ({ taskId, priority }) => store.tasks.note({ taskId, change: { priority } })),
    raiseBudget: told('raiseBudget', ({ taskId, budgetUsd }) => store.tasks.note({ taskId, change: { budgetUsd } })),
  }
}
