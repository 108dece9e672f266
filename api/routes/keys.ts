import { createHash, randomBytes } from 'node:crypto'
import { ulid } from 'ulidx'
import { z } from 'zod'
import { GatewayError } from '../../domain/errors.ts'
import { permissionsOf, ROLES, type Caller } from '../../domain/permissions.ts'
import { keyAnswer, keyBody } from '../components.ts'
import { allowed, idOf, unknown } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'
import { jsonBody } from '../json-body.ts'

const TAG = 'Keys'
/** The tenant of the first key; its admins may make keys for others. */
const OPERATOR_TENANT = 'default'

/** API keys; the key itself is shown once and kept only as a hash. */
export function keyRoutes({ store, clock }: ApiDependencies): readonly Endpoint[] {
  const newKey = keyBody(clock)
  return [
    {
      ...{ method: 'post', path: '/v1/keys', tag: TAG, summary: 'Make an API key' },
      body: newKey,
      answer: {
        status: 201,
        schema: keyAnswer.extend({ key: z.string() }),
        description: 'The key, shown only now.',
      },
      async handler(context) {
        const caller = allowed(context, 'key:manage')
        const { name, roles, expiresAt, tenant = caller.tenant } = await jsonBody(context, newKey)
        refuseForeignTenant(caller, tenant)
        const key = `ocg_${randomBytes(32).toString('base64url')}`
        const hash = createHash('sha256').update(key).digest('hex')
        const expiry = expiresAt === undefined ? {} : { expiresAt }
        const granted = [...new Set(roles)]
        const created = await store.keys.create({ id: `key-${ulid()}`, name, tenant, roles: granted, hash, ...expiry })
        return context.json({ ...created, key }, 201)
      },
    },
    {
      ...{ method: 'get', path: '/v1/keys', tag: TAG, summary: 'List the keys of the tenant' },
      answer: {
        status: 200,
        schema: z.object({ items: z.array(keyAnswer) }),
        description: 'Without their secrets.',
      },
      async handler(context) {
        const { tenant } = allowed(context, 'key:manage')
        return context.json({ items: await store.keys.list(tenant) })
      },
    },
    {
      ...{ method: 'delete', path: '/v1/keys/{id}', tag: TAG, summary: 'Revoke a key' },
      parameters: z.object({ id: z.string() }),
      answer: { status: 204, description: 'Revoked; it is refused from now on.' },
      async handler(context) {
        const { tenant } = allowed(context, 'key:manage')
        const id = idOf(context)
        if (!id || !(await store.keys.revoke(id, tenant))) throw unknown(context, 'key')
        return context.body(null, 204)
      },
    },
    {
      ...{ method: 'get', path: '/v1/me', tag: TAG, summary: 'Who the caller is' },
      answer: {
        status: 200,
        schema: z.object({
          subject: z.string(),
          name: z.string(),
          tenant: z.string(),
          roles: z.array(z.enum(ROLES)),
          permissions: z.array(z.string()),
        }),
        description: 'Caller, tenant, roles and permissions.',
      },
      handler(context) {
        const caller = context.get('caller')
        return context.json({ ...caller, permissions: permissionsOf(caller.roles) })
      },
    },
  ]
}

function refuseForeignTenant(caller: Caller, tenant: string): void {
  if (tenant === caller.tenant || caller.tenant === OPERATOR_TENANT) return
  throw new GatewayError('forbidden', `A key of the tenant ${caller.tenant} cannot make one for ${tenant}.`)
}
