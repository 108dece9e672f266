import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from '../adapters/config.ts'
import type { KeyStore } from '../domain/ports/store.ts'
import { paths } from '../adapters/paths.ts'

/**
 * Makes sure there is a first key. `ADMIN_API_KEY` seeds it headlessly; without it one is made and kept in
 * DATA_DIR/admin.key, readable by the owner only. Gives the file's path when there is one.
 */
export async function seedAdminKey(options: {
  readonly keys: KeyStore
  readonly configured?: string | undefined
  readonly file: string
}): Promise<string | undefined> {
  const { keys, configured, file } = options
  const key = configured ?? (await readOrCreate(file))
  const hash = createHash('sha256').update(key).digest('hex')
  await keys.create({ id: `key-${hash.slice(0, 16)}`, name: 'admin', tenant: 'default', roles: ['admin'], hash })
  return configured === undefined ? file : undefined
}

async function readOrCreate(file: string): Promise<string> {
  const known = await readFile(file, 'utf8').catch(() => '')
  if (known.trim() !== '') return known.trim()
  const made = `ocg_${randomBytes(32).toString('base64url')}`
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${made}\n`, { mode: 0o600 })
  return made
}

/** The first API key as a local client reads it. */
export async function readAdminKey(config: Config): Promise<string> {
  return config.ADMIN_API_KEY ?? (await readFile(paths(config).adminKey, 'utf8')).trim()
}
