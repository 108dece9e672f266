import { createHash } from 'node:crypto'
import { ulid } from 'ulidx'
import type { Store } from '../domain/ports/store.ts'
import type { TaskControl, TaskIntake, TaskIntakeRequest } from '../domain/ports/task-control.ts'
import type { Task, TaskRequest } from '../domain/task.ts'
import { checkCallback } from './callback-url.ts'
import type { RepositoryCheck } from './dependencies.ts'

export interface TaskIntakeDependencies {
  readonly store: Store
  readonly tasks: Pick<TaskControl, 'start'>
  readonly checkRepository: RepositoryCheck
  /** Hosts a callbackUrl may name although they are inner ones. */
  readonly outboundAllowlist: readonly string[]
  readonly log: { error(fields: object, message: string): void }
}

/** Makes a task durable, then starts its workflow; a start that fails is repeated by the sweeper. */
export function createTaskIntake(dependencies: TaskIntakeDependencies): TaskIntake {
  const { store, tasks, log } = dependencies
  return {
    async accept(accepting) {
      const { channel, tenant, key = `once:${ulid()}` } = accepting
      const digest = createHash('sha256').update(canonical(accepting.body)).digest('hex')
      const known =
        accepting.key === undefined ? undefined : await store.tasks.accepted({ channel, tenant, key, digest })
      const task = known ?? (await create(dependencies, { ...accepting, key, digest }))
      await tasks.start(task.id, task).catch((error: unknown) => {
        log.error(
          { taskId: task.id, reason: String(error) },
          'the workflow could not be started; the sweeper repeats it',
        )
      })
      return task
    },
  }
}

async function create(
  dependencies: TaskIntakeDependencies,
  accepting: TaskIntakeRequest & { readonly key: string; readonly digest: string },
): Promise<Task> {
  const { channel, tenant, requester, key, digest, retryOf, conversation, aside } = accepting
  const request = authorised(dependencies, { tenant, request: accepting.request() })
  const { task } = await dependencies.store.tasks.accept({
    ...{ id: `task-${ulid()}`, channel, tenant, requester, key, digest, request },
    ...(retryOf !== undefined && { retryOf }),
    ...(conversation !== undefined && { conversation }),
    ...(aside && { aside }),
  })
  return task
}

/** Checks what the request names outside the gateway and fills in what the operator set for a known repository. */
function authorised(
  { checkRepository, outboundAllowlist }: TaskIntakeDependencies,
  { tenant, request }: { readonly tenant: string; readonly request: TaskRequest },
): TaskRequest {
  if (request.callbackUrl !== undefined) checkCallback(request.callbackUrl, outboundAllowlist)
  if (!request.repository) return request
  const known = checkRepository({ ...request.repository, tenant })
  const acceptance = request.acceptance ?? known.acceptance
  if (!acceptance) return request
  const protectedPaths = acceptance.protectedPaths ?? known.protectedPaths
  return { ...request, acceptance: { ...acceptance, ...(protectedPaths && { protectedPaths }) } }
}

/** The same text for the same JSON value, whatever the order of its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, child: unknown) =>
    typeof child === 'object' && child !== null && !Array.isArray(child)
      ? Object.fromEntries(Object.entries(child).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : child,
  )
}
