import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROLES } from '../../domain/permissions.ts'
import { openTestApi, problemOf, refusalOf, type Call, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
})
afterAll(() => api.close())

interface Key {
  readonly id: string
  readonly key: string
  readonly name: string
  readonly tenant: string
  readonly roles: readonly string[]
  readonly expiresAt?: string
  readonly revokedAt?: string
}
const create = (json: unknown, call: Call = {}) => api.call('/v1/keys', { ...call, json })
const made = async (json: unknown, call: Call = {}): Promise<Key> => {
  const response = await create(json, call)
  expect(response.status).toBe(201)
  return (await response.json()) as Key
}
const listed = async (call: Call = {}): Promise<readonly Key[]> =>
  ((await (await api.call('/v1/keys', call)).json()) as { items: Key[] }).items

describe('making a key', () => {
  it('shows it once; it works at once and is not listed', async () => {
    const key = await made({ name: 'ci', roles: ['submitter', 'viewer'] })
    expect(key).toMatchObject({ name: 'ci', tenant: 'default', roles: ['submitter', 'viewer'] })
    expect(key.key).toMatch(/^ocg_[\w-]{43}$/)
    const me = await (await api.call('/v1/me', { as: key })).json()
    expect(me).toMatchObject({ subject: `key:${key.id}`, name: 'ci', tenant: 'default' })
    expect(JSON.stringify(await listed())).toContain(key.id)
    expect(JSON.stringify(await listed())).not.toContain(key.key)
  })

  it('keeps each role once', async () => {
    expect((await made({ name: 'x', roles: ['viewer', 'viewer'] })).roles).toEqual(['viewer'])
    expect((await made({ name: 'all', roles: ROLES })).roles).toEqual(ROLES)
  })

  it.each([
    ['2090-01-01T00:00:00Z', '2090-01-01T00:00:00.000Z'],
    ['2090-01-01T01:30:00.5+01:30', '2090-01-01T00:00:00.500Z'],
    ['9999-12-31T23:59:59+23:59', '9999-12-31T00:00:59.000Z'],
    ['2090-06-01t00:00:00z', '2090-06-01T00:00:00.000Z'],
  ])('that expires at %s', async (expiresAt, shown) => {
    expect((await made({ name: 'x', roles: ['viewer'], expiresAt })).expiresAt).toBe(shown)
  })

  it.each<[unknown, string]>([
    [{ roles: ['viewer'] }, '/name'],
    [{ name: '', roles: ['viewer'] }, '/name'],
    [{ name: ' ', roles: ['viewer'] }, '/name'],
    [{ name: 'x'.repeat(201), roles: ['viewer'] }, '/name'],
    [{ name: 'x' }, '/roles'],
    [{ name: 'x', roles: [] }, '/roles'],
    [{ name: 'x', roles: 'viewer' }, '/roles'],
    [{ name: 'x', roles: ['root'] }, '/roles/0'],
    [{ name: 'x', roles: ['viewer'], tenant: '' }, '/tenant'],
    [{ name: 'x', roles: ['viewer'], tenant: 'a b' }, '/tenant'],
    [{ name: 'x', roles: ['viewer'], tenant: 'ä' }, '/tenant'],
    [{ name: 'x', roles: ['viewer'], tenant: 'a\n' }, '/tenant'],
    [{ name: 'x', roles: ['viewer'], expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
    [{ name: 'x', roles: ['viewer'], expiresAt: 'never' }, '/expiresAt'],
    [{ name: 'x', roles: ['viewer'], expiresAt: null }, '/expiresAt'],
    [{ name: 'x', roles: ['viewer'], id: 'key-1' }, '/id'],
  ])('is refused with %j at %s', async (body, pointer) => {
    expect(await problemOf(await create(body))).toMatchObject({ status: 422, errors: [{ pointer }] })
  })
})

describe('keys of a tenant', () => {
  it('are made for others by the operator’s tenant only', async () => {
    const acme = await made({ name: 'acme', roles: ['admin'], tenant: 'acme' })
    expect((await made({ name: 'own', roles: ['viewer'] }, { as: acme })).tenant).toBe('acme')
    expect((await made({ name: 'own', roles: ['viewer'], tenant: 'acme' }, { as: acme })).tenant).toBe('acme')
    const foreign = { name: 'foreign', roles: ['admin'], tenant: 'default' }
    expect(await refusalOf(await create(foreign, { as: acme }))).toBe('403 forbidden')
  })

  it('are listed and revoked by their own tenant only', async () => {
    const globex = await api.key({ tenant: 'globex' })
    const key = await made({ name: 'ci', roles: ['viewer'] })
    expect((await listed({ as: globex })).map(({ tenant }) => tenant)).toEqual(['globex'])
    const revoke = (call: Call) => api.call(`/v1/keys/${key.id}`, { ...call, method: 'DELETE' })
    expect(await refusalOf(await revoke({ as: globex }))).toBe('404 not_found')
    expect((await api.call('/v1/me', { as: key })).status).toBe(200)
    const response = await revoke({})
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect(await refusalOf(await api.call('/v1/me', { as: key }))).toBe('401 unauthenticated')
    expect((await listed()).find(({ id }) => id === key.id)?.revokedAt).toBeDefined()
    expect((await revoke({})).status).toBe(204)
  })
})
