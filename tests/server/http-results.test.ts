import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, refusalOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
})
afterAll(() => api.close())

const PATCH = Buffer.from('diff --git a/x b/x\n\0\xff binary\n', 'latin1')
const RECEIPT = { version: 1, evidence: '{}', signature: 'c2ln', publicKey: 'cHVi', keyId: '0123456789abcdef' } as const

async function verifiedTask(): Promise<string> {
  const taskId = await api.taskIn('building')
  const event = { type: 'verification-finished' } as const
  const delivery = { commit: 'c'.repeat(40), patch: PATCH, receipt: RECEIPT, event }
  await api.store.artifacts.saveDelivery({ taskId, seat: 1, ...delivery })
  return taskId
}

describe('the patch', () => {
  it('comes byte for byte as text/x-diff', async () => {
    const response = await api.call(`/v1/tasks/${await verifiedTask()}/patch`)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/x-diff'])
    expect(Buffer.from(await response.arrayBuffer())).toEqual(PATCH)
  })

  it('is 409 before the verification and empty after an end without one', async () => {
    expect(await refusalOf(await api.call(`/v1/tasks/${await api.taskIn('building')}/patch`))).toBe('409 conflict')
    const response = await api.call(`/v1/tasks/${await api.taskIn('cancelled')}/patch`)
    expect([response.status, await response.text()]).toEqual([200, ''])
  })
})

describe('the receipt', () => {
  it('comes as it was signed', async () => {
    const response = await api.call(`/v1/tasks/${await verifiedTask()}/receipt`)
    expect([response.status, await response.json()]).toEqual([200, RECEIPT])
  })

  it('is 409 before the verification and 404 after an end without one', async () => {
    expect(await refusalOf(await api.call(`/v1/tasks/${await api.taskIn('building')}/receipt`))).toBe('409 conflict')
    expect(await refusalOf(await api.call(`/v1/tasks/${await api.taskIn('failed')}/receipt`))).toBe('404 not_found')
  })

  it('can be checked with the published keys', async () => {
    const response = await api.call('/v1/receipt-keys')
    expect(await response.json()).toEqual({ items: [{ keyId: '0123456789abcdef', publicKey: 'AAAA' }] })
  })
})

describe('the transcript', () => {
  it('holds what was said, in order', async () => {
    const id = await api.taskIn('building')
    for (const text of ['first', 'second']) await api.store.conversations.receive({ taskId: id, text, from: 'u' })
    await api.store.conversations.beginTurn({ taskId: id, seat: 1, turn: 1 })
    const response = await api.call(`/v1/tasks/${id}/transcript`)
    const { items } = (await response.json()) as { items: { type: string; text?: string }[] }
    expect(items.map(({ type, text }) => text ?? type)).toEqual(['first', 'second', 'turn'])
  })
})
