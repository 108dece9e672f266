import type { Pool } from 'pg'
import type { Role } from '../../domain/permissions.ts'
import type { ApiKey, KeyStore } from '../../domain/ports/store.ts'

interface KeyRow {
  id: string
  tenant: string
  name: string
  roles: Role[]
  created_at: Date
  expires_at: Date | null
  revoked_at: Date | null
}

/** Named, so that the statement every request begins with is planned once. */
const KEY_COLUMNS = 'id, tenant, name, roles, created_at, expires_at, revoked_at'

const keyOf = (row: KeyRow): ApiKey => ({
  id: row.id,
  name: row.name,
  tenant: row.tenant,
  roles: row.roles,
  createdAt: row.created_at.toISOString(),
  ...(row.expires_at && { expiresAt: row.expires_at.toISOString() }),
  ...(row.revoked_at && { revokedAt: row.revoked_at.toISOString() }),
})

/** API keys in PostgreSQL, by hash. Creating a key that exists (the seeded one) gives the existing one back. */
export function createKeyStore(pool: Pool): KeyStore {
  return {
    async create({ id, name, tenant, roles, hash, expiresAt }) {
      const { rows } = await pool.query<KeyRow>(
        `insert into api_key (id, tenant, name, roles, hash, expires_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (hash) do update set hash = excluded.hash returning *`,
        // As a Date: PostgreSQL knows fewer offsets than RFC 3339.
        [id, tenant, name, roles, hash, expiresAt === undefined ? null : new Date(expiresAt)],
      )
      return keyOf(rows[0] as KeyRow)
    },
    async findByHash(hash) {
      const { rows } = await pool.query<KeyRow>(
        `select ${KEY_COLUMNS} from api_key
         where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())`,
        [hash],
      )
      return rows[0] && keyOf(rows[0])
    },
    async list(tenant) {
      const { rows } = await pool.query<KeyRow>('select * from api_key where tenant = $1 order by created_at, id', [
        tenant,
      ])
      return rows.map(keyOf)
    },
    async revoke(id, tenant) {
      const { rowCount } = await pool.query(
        'update api_key set revoked_at = coalesce(revoked_at, now()) where id = $1 and tenant = $2',
        [id, tenant],
      )
      return rowCount === 1
    },
  }
}
