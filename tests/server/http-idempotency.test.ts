import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TaskView } from '../../domain/schemas/task.ts'
import { openTestApi, problemOf, refusalOf, type Call, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

let now = new Date('2026-01-01T00:00:00Z')
let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase(), clock: () => now })
})
afterAll(() => api.close())

const submit = (key: string, call: Call) =>
  api.call('/v1/tasks', { ...call, headers: { ...call.headers, 'idempotency-key': key } })
const idOf = async (response: Response) => ((await response.json()) as TaskView).id

describe('an Idempotency-Key', () => {
  it('gives the same task for the same body, however its fields are ordered or spaced', async () => {
    const first = await submit('order', { body: '{"prompt":"x","constraints":{"maxTurns":3,"budgetUsd":1}}' })
    const again = await submit('order', { body: '{ "constraints": {"budgetUsd":1.0,"maxTurns":3}, "prompt":"x" }' })
    expect([first.status, again.status]).toEqual([202, 202])
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(await idOf(again)).toBe(await idOf(first))
  })

  it('refuses another body, naming the header', async () => {
    await submit('other', { json: { prompt: 'x' } })
    const problem = await problemOf(await submit('other', { json: { prompt: 'y' } }))
    expect(problem).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    expect(problem.errors).toMatchObject([{ pointer: '/Idempotency-Key' }])
  })

  it('gives the same task after the deadline of the body has passed', async () => {
    const json = { prompt: 'x', constraints: { deadline: '2026-01-01T00:01:00Z' } }
    const first = await idOf(await submit('late', { json }))
    now = new Date('2026-01-02T00:00:00Z')
    expect(await idOf(await submit('late', { json }))).toBe(first)
    expect(await refusalOf(await api.call('/v1/tasks', { json }))).toBe('422 invalid_request')
  })

  it('makes one task of 20 simultaneous requests', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => submit('many', { json: { prompt: 'many' } })))
    expect(new Set(await Promise.all(answers.map(idOf))).size).toBe(1)
  })

  it('belongs to its tenant', async () => {
    const other = await api.key({ tenant: 'acme' })
    const mine = await idOf(await submit('shared', { json: { prompt: 'x' } }))
    expect(await idOf(await submit('shared', { json: { prompt: 'y' }, as: other }))).not.toBe(mine)
  })

  it('makes one retry of many, and does not stand for a retry of another task', async () => {
    const [old, other] = [await api.taskIn('failed'), await api.taskIn('failed')]
    const retry = (id: string) =>
      api.call(`/v1/tasks/${id}/retry`, { method: 'POST', headers: { 'idempotency-key': 'retry' } })
    const first = await idOf(await retry(old))
    expect(await idOf(await retry(old))).toBe(first)
    expect(await refusalOf(await retry(other))).toBe('422 idempotency_key_reused')
  })

  it.each([1, 255])('may have %i characters', async (length) => {
    expect((await submit('k'.repeat(length), { json: { prompt: 'x' } })).status).toBe(202)
  })

  it.each([
    ['empty', ''],
    ['256 characters long', 'k'.repeat(256)],
    ['outside ASCII', 'schlüssel'],
    ['with a tab', 'a\tb'],
  ])('is refused %s', async (_, key) => {
    const problem = await problemOf(await submit(key, { json: { prompt: 'x' } }))
    expect(problem).toMatchObject({ status: 422, errors: [{ pointer: '/Idempotency-Key' }] })
  })

  it('may be left out: every request is its own', async () => {
    const ids = await Promise.all([api.task(), api.task()].map(async (task) => (await task).id))
    expect(new Set(ids).size).toBe(2)
  })
})
