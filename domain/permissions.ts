import { GatewayError } from './errors.ts'
import type { Task } from './task.ts'

/** Who may do what. Default deny: what no role grants is refused. */
export type Role = 'admin' | 'operator' | 'submitter' | 'viewer' | 'auditor' | 'service'
export const ROLES = [
  'admin',
  'operator',
  'submitter',
  'viewer',
  'auditor',
  'service',
] as const satisfies readonly Role[]

export type Permission =
  | 'task:submit'
  | 'task:read'
  | 'task:control'
  | 'task:approve'
  | 'task:prioritise'
  | 'builder:read'
  | 'key:manage'
  | 'audit:read'
  | 'memory:read'
  | 'memory:delete'
  | 'payload:decode'

const GRANTS: Readonly<Record<Role, readonly Permission[]>> = {
  admin: [
    'task:submit',
    'task:read',
    'task:control',
    'task:approve',
    'task:prioritise',
    'builder:read',
    'key:manage',
    'audit:read',
    'memory:read',
    'memory:delete',
    'payload:decode',
  ],
  operator: [
    'task:submit',
    'task:read',
    'task:control',
    'task:approve',
    'task:prioritise',
    'builder:read',
    'memory:read',
    'payload:decode',
  ],
  submitter: ['task:submit', 'task:read', 'task:control', 'task:approve', 'memory:read', 'memory:delete'],
  viewer: ['task:read', 'builder:read'],
  auditor: ['task:read', 'audit:read', 'builder:read'],
  service: ['task:submit', 'task:read'],
}

/** An authenticated caller. */
export interface Caller {
  /** Stable name: `key:<id>` or the token's subject. */
  readonly subject: string
  readonly name: string
  readonly tenant: string
  readonly roles: readonly Role[]
}

/** Everything the roles grant together, sorted. */
export function permissionsOf(roles: readonly Role[]): readonly Permission[] {
  return [...new Set(roles.flatMap((role) => GRANTS[role]))].toSorted()
}

/** Whether the caller holds the permission. */
export function isAllowed(caller: Caller, permission: Permission): boolean {
  return caller.roles.some((role) => GRANTS[role].includes(permission))
}

/** Throws `forbidden` unless the caller holds the permission. */
export function checkAllowed(caller: Caller, permission: Permission): void {
  if (!isAllowed(caller, permission))
    throw new GatewayError(
      'forbidden',
      `You lack the permission ${permission}. Ask an admin for a role that grants it.`,
    )
}

/** Whether a task is the caller's own, or any of the tenant for operators and admins. */
export const mayChange = (caller: Caller, task: Pick<Task, 'requester' | 'tenant'>): boolean =>
  task.tenant === caller.tenant &&
  (task.requester === caller.subject || caller.roles.some((role) => role === 'admin' || role === 'operator'))

/** Throws `forbidden` unless the caller holds the permission and may change this task. */
export function checkMayChange(caller: Caller, permission: Permission, task: Task): void {
  checkAllowed(caller, permission)
  if (!mayChange(caller, task))
    throw new GatewayError(
      'forbidden',
      'This task belongs to somebody else. Its requester or an operator may change it.',
    )
}
