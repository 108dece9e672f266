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
