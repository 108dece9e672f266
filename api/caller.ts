import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { GatewayError } from '../domain/errors.ts'
import { checkAllowed, checkMayChange, type Caller, type Permission } from '../domain/permissions.ts'
import type { KeyStore, TaskStore } from '../domain/ports/store.ts'
import type { Task } from '../domain/task.ts'

/** Variables of a request's context. */
export interface ApiEnvironment {
  readonly Variables: { caller: Caller }
}

export type ApiContext = Context<ApiEnvironment>

/** The caller of a bearer credential. Throws `unauthenticated`. */
export async function authenticate(header: string | undefined, keys: KeyStore): Promise<Caller> {
  const credential = /^Bearer +(\S.*)$/i.exec(header ?? '')?.[1]?.trim()
  if (credential === undefined)
    throw new GatewayError(
      'unauthenticated',
      'Send an API key: Authorization: Bearer <key>. The first key stands in DATA_DIR/admin.key.',
    )
  const key = await keys.findByHash(createHash('sha256').update(credential).digest('hex'))
  if (!key)
    throw new GatewayError(
      'unauthenticated',
      'This API key is unknown, revoked or expired. Ask an admin for a new one.',
    )
  return { subject: `key:${key.id}`, name: key.name, tenant: key.tenant, roles: key.roles }
}

/** The caller when it holds the permission; throws `forbidden` otherwise. */
export function allowed(context: ApiContext, permission: Permission): Caller {
  const caller = context.get('caller')
  checkAllowed(caller, permission)
  return caller
}

/** An id of the path; undefined when no id of ours looks like it, so that the store is never asked for garbage. */
export function idOf(context: ApiContext, name = 'id'): string | undefined {
  const id = context.req.param(name)
  return id !== undefined && /^[A-Za-z0-9-]{1,100}$/.test(id) ? id : undefined
}

/** The refusal of an id that leads to nothing the caller may see. */
export const unknown = (context: ApiContext, what: 'task' | 'key' | 'approval', name = 'id'): GatewayError =>
  new GatewayError('not_found', `There is no ${what} ${context.req.param(name)?.slice(0, 80)}.`)

/** A task of the caller's tenant; throws `not_found` for all others, so that ids tell nothing. */
export async function taskOf(context: ApiContext, tasks: TaskStore): Promise<Task> {
  const id = idOf(context)
  const task = id && (await tasks.find(id, context.get('caller').tenant))
  if (!task) throw unknown(context, 'task')
  return task
}

/** A task the caller may change: its own, or any of the tenant for operators and admins. */
export async function ownTaskOf(context: ApiContext, tasks: TaskStore, permission: Permission): Promise<Task> {
  const task = await taskOf(context, tasks)
  checkMayChange(context.get('caller'), permission, task)
  return task
}
