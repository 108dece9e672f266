import { ulid } from 'ulidx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeyStore } from '../../domain/ports/store.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'

describe.each(Object.entries(STORES))('the keys of %s', (_, open) => {
  let opened: OpenedStore
  let keys: KeyStore
  beforeAll(async () => {
    opened = await open()
    keys = opened.store.keys
  })
  afterAll(() => opened.close())

  const newKey = (overrides: Partial<Parameters<KeyStore['create']>[0]> = {}) => ({
    ...{ id: `key-${ulid()}`, name: 'ci', tenant: 't', roles: ['submitter', 'viewer'] as const, hash: ulid() },
    ...overrides,
  })

  it('are found by their hash, by every process, until they are revoked', async () => {
    const key = newKey()
    const created = await keys.create(key)
    const { hash, ...shown } = key
    expect(created).toEqual({ ...shown, createdAt: expect.any(String) })
    expect(await opened.other.keys.findByHash(hash)).toEqual(created)
    expect(await keys.findByHash('another')).toBeUndefined()
    expect(await keys.revoke(key.id, 't')).toBe(true)
    expect(await opened.other.keys.findByHash(hash)).toBeUndefined()
  })

  it('expire at their time, whatever its offset', async () => {
    const [past, future] = [
      newKey({ expiresAt: '2020-01-01T00:00:00+23:59' }),
      newKey({ expiresAt: '2090-01-01T12:00:00.5-18:30' }),
    ]
    await keys.create(past)
    await keys.create(future)
    expect(await keys.findByHash(past.hash)).toBeUndefined()
    expect((await keys.findByHash(future.hash))?.expiresAt).toBe('2090-01-02T06:30:00.500Z')
  })

  it('are created once: the same hash gives the key that is there', async () => {
    const key = newKey()
    const first = await keys.create(key)
    const again = await opened.other.keys.create(newKey({ hash: key.hash, name: 'other', roles: ['admin'] }))
    expect(again).toEqual(first)
  })

  it('are listed for their tenant, oldest first, the revoked and expired ones too', async () => {
    const tenant = ulid()
    const made = [newKey({ tenant }), newKey({ tenant }), newKey({ tenant, expiresAt: '2020-01-01T00:00:00Z' })]
    for (const key of [...made, newKey()]) await keys.create(key)
    await keys.revoke(made[1]?.id ?? '', tenant)
    const listed = await keys.list(tenant)
    expect(listed.map(({ id }) => id)).toEqual(made.map(({ id }) => id))
    expect(listed.map(({ revokedAt }) => revokedAt !== undefined)).toEqual([false, true, false])
    expect(JSON.stringify(listed)).not.toContain(made[0]?.hash)
  })

  it('are revoked once, by their own tenant only', async () => {
    const key = newKey()
    await keys.create(key)
    expect(await keys.revoke(key.id, 'other')).toBe(false)
    expect(await keys.revoke('key-unknown', 't')).toBe(false)
    expect((await keys.findByHash(key.hash))?.id).toBe(key.id)
    await keys.revoke(key.id, 't')
    const revokedAt = async () => (await keys.list('t')).find(({ id }) => id === key.id)?.revokedAt
    const first = await revokedAt()
    expect(await keys.revoke(key.id, 't')).toBe(true)
    expect([typeof first, await revokedAt()]).toEqual(['string', first])
  })
})
