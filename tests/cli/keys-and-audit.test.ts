import { describe, expect, it } from 'vitest'
import { problem, useRecordingGateway } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()
const key = {
  id: 'key-1',
  name: 'ci',
  tenant: 'acme',
  roles: ['submitter', 'viewer'],
  createdAt: '2026-11-25T10:00:00.000Z',
}

describe('ocg key', () => {
  it('create makes a submitter unless told otherwise and shows the key on a line of its own', async () => {
    gateway().on('POST /v1/keys', { status: 201, json: { ...key, roles: ['submitter'], key: 'ocg_secret' } })
    const { code, stdout } = await gateway().ocg(['key', 'create', 'ci'])
    expect([code, stdout]).toEqual([0, 'ocg_secret\nkey-1, submitter in acme; shown only now\n'])
    expect(gateway().requests[0]?.body).toEqual({ name: 'ci', roles: ['submitter'] })
  })

  it('create takes several roles, a tenant and an end', async () => {
    gateway().on('POST /v1/keys', { status: 201, json: { ...key, key: 'ocg_secret' } })
    const words = ['--role', 'viewer', '--role', 'auditor', '--tenant', 'acme', '--expires-at', '2030-01-31T00:00:00Z']
    const { stdout } = await gateway().ocg(['key', 'create', 'ci', ...words, '--json'])
    expect(JSON.parse(stdout)).toEqual({ ...key, key: 'ocg_secret' })
    expect(gateway().requests[0]?.body).toEqual({
      name: 'ci',
      roles: ['viewer', 'auditor'],
      tenant: 'acme',
      expiresAt: '2030-01-31T00:00:00Z',
    })
  })

  it('list tells live keys from those that end and those that were revoked', async () => {
    const items = [
      key,
      { ...key, id: 'key-20', expiresAt: '2030-01-31T00:00:00.000Z' },
      { ...key, id: 'key-3', expiresAt: '2030-01-31T00:00:00.000Z', revokedAt: '2026-11-25T11:00:00.000Z' },
    ]
    gateway().on('GET /v1/keys', { json: { items } })
    const { stdout } = await gateway().ocg(['key', 'list'])
    expect(stdout).toBe(
      [
        'key-1   ci  submitter,viewer  acme  does not expire',
        'key-20  ci  submitter,viewer  acme  2030-01-31T00:00:00.000Z',
        'key-3   ci  submitter,viewer  acme  revoked 2026-11-25T11:00:00.000Z',
        '',
      ].join('\n'),
    )
  })

  it('revoke ends a key and says so, in JSON when asked for', async () => {
    gateway().on('DELETE /v1/keys/key%2F1', (response) => response.writeHead(204).end())
    const { code, stdout } = await gateway().ocg(['--json', 'key', 'revoke', 'key/1'])
    expect([code, JSON.parse(stdout)]).toEqual([0, { id: 'key/1', revoked: true }])
  })
})

describe('ocg audit', () => {
  it.each([
    [{ ok: true, checked: 12, head: 'abc' }, 0, 'ok: 12 rows, head abc\n'],
    [{ ok: false, checked: 12, head: 'abc', firstBad: 7 }, 1, 'broken at row 7\n'],
  ])('verify of %j exits %i', async (found, exit, said) => {
    gateway().on('GET /v1/audit/verify', { json: found })
    const [text, json] = await Promise.all([
      gateway().ocg(['audit', 'verify']),
      gateway().ocg(['audit', 'verify', '--json']),
    ])
    expect([text.code, text.stdout]).toEqual([exit, said])
    expect([json.code, JSON.parse(json.stdout)]).toEqual([exit, found])
  })

  it('export prints every row of every page, one a line, and stops at the last page', async () => {
    gateway().on(
      'GET /v1/audit',
      { json: { items: [{ sequence: 1 }, { sequence: 2 }], nextCursor: 'a&b' } },
      { json: { items: [{ sequence: 3 }], nextCursor: null } },
    )
    const { code, stdout } = await gateway().ocg(['audit', 'export'])
    expect([code, stdout]).toEqual([0, '{"sequence":1}\n{"sequence":2}\n{"sequence":3}\n'])
    expect(gateway().requests.map(({ line }) => line)).toEqual([
      'GET /v1/audit?limit=200',
      'GET /v1/audit?limit=200&cursor=a%26b',
    ])
  })

  it('export that breaks in the middle exits 1, so that a part is never taken for the whole', async () => {
    gateway().on(
      'GET /v1/audit',
      { json: { items: [{ sequence: 1 }], nextCursor: 'c' } },
      problem(500, 'internal', 'No.'),
    )
    const { code, stdout, stderr } = await gateway().ocg(['audit', 'export'])
    expect([code, stdout, stderr]).toEqual([1, '{"sequence":1}\n', 'internal: No.\n'])
  })
})
