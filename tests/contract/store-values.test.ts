import { ulid } from 'ulidx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../../domain/ports/store.ts'
import { DELIVERED } from '../support/fenced-writes.ts'
import { STORES, type OpenedStore } from '../support/stores.ts'
import { acceptance, ANSWERED, answeredTurn, call, eventTypes, taskIn } from '../support/stored-task.ts'

/** JSON as a model may write it; its text is what counts. */
const ODD_JSON: Readonly<Record<string, string>> = {
  'keys in their order, and twice the same value': '{"z":1,"a":{"y":[1,1],"b":{}},"m":""}',
  'keys that mean something elsewhere': '{"__proto__":{"x":1},"constructor":null,"":0,"a b\\"c":true}',
  'numbers at their limits': '{"n":[9007199254740991,-9007199254740991,1e+300,5e-324,0.1,-1.5e-7]}',
  'escapes: NUL, line ends, half a surrogate pair': String.raw`{"s":"a\u0000b\r\n\t\ud83d\\u0000\b"}`,
  'characters from everywhere': '{"s":"größe 数字 🚀 🏳️‍🌈 é \u2028\u2029\ufeff שלום"}',
  depth: `${'{"a":['.repeat(100)}1${']}'.repeat(100)}`,
}
const MIB = 2 ** 20

describe.each(Object.entries(STORES))('the values of %s', (_, open) => {
  let opened: OpenedStore
  let store: Store
  beforeAll(async () => {
    opened = await open()
    store = opened.store
  })
  afterAll(() => opened.close())

  it.each(Object.entries(ODD_JSON))('keep %s, byte for byte', async (__, json) => {
    const value = JSON.parse(json) as Record<string, unknown>
    const fence = await taskIn(store, 'building')
    const part = {
      thoughtSignature: 'A+/=',
      functionCall: { args: value, name: 'read_file', id: 'c0' },
      text: String(value['s']),
    }
    await store.conversations.beginTurn({ ...fence, turn: 1 })
    const planned = call(0, { args: value })
    await store.conversations.finishTurn({ ...fence, ...ANSWERED, turn: 1, parts: [part], calls: [planned] })
    await store.conversations.finishTool({ ...fence, turn: 1, position: 0, response: value, ok: true, summary: '' })
    await store.tasks.note({ taskId: fence.taskId, events: [{ type: 'message-sent', data: value }] })
    const stored = await opened.other.conversations.call({ ...fence, turn: 1, position: 0 })
    const events = await opened.other.tasks.events({ taskId: fence.taskId, after: 2, limit: 9 })
    const contents = await opened.other.conversations.beginTurn({ ...fence, turn: 2 })
    expect(JSON.stringify(stored.args)).toBe(json)
    expect(JSON.stringify(contents)).toContain(`{"role":"model","parts":[${JSON.stringify(part)}]}`)
    expect(JSON.stringify(contents)).toContain(`"name":"read_file","response":${json}}`)
    expect(JSON.stringify(events.at(-1)?.data)).toBe(json)
    expect(JSON.stringify(await opened.other.conversations.transcript(fence.taskId))).toContain(`"args":${json}`)
  })

  it('refuse NUL in what people write, and leave nothing of the request behind', async () => {
    const request = acceptance({}, { prompt: 'before\0after' })
    await expect(store.tasks.accept(request)).rejects.toThrow()
    expect(await store.tasks.find(request.id)).toBeUndefined()
    expect(await store.tasks.accepted(request)).toBeUndefined()
    const { taskId } = await taskIn(store, 'building')
    await expect(store.conversations.receive({ taskId, text: 'a\0b', from: 'ada' })).rejects.toThrow()
    expect(await store.conversations.unread(taskId)).toEqual([])
  })

  it('take NUL in what programs print and models write, with another character for it', async () => {
    const at = { ...(await answeredTurn(store, await taskIn(store, 'building'), [call(0)])), position: 0 }
    const noisy = 'ELF\0\0binary'
    await store.conversations.beginTool(at)
    await store.conversations.finishTool({
      ...at,
      response: { output: noisy },
      ok: true,
      summary: noisy,
      output: noisy,
    })
    await store.conversations.tell({ taskId: at.taskId, text: noisy })
    await store.tasks.note({ taskId: at.taskId, change: { title: noisy } })
    const shown = 'ELF\uFFFD\uFFFDbinary'
    expect((await store.tasks.find(at.taskId))?.title).toBe(shown)
    const contents = JSON.stringify(await store.conversations.beginTurn({ ...at, turn: 2 }))
    expect(contents).toContain(`{"text":"${shown}"}`)
    expect(contents).toContain(String.raw`{"output":"ELF\u0000\u0000binary"}`)
    const summary = call(0, { name: 'complete_task', args: { summary: noisy } })
    await answeredTurn(store, { ...at, turn: 2 }, [summary])
    expect(await store.conversations.lastWords(at.taskId)).toBe(shown)
  })

  it('keep an output, a patch and a checkpoint of 4 MiB', async () => {
    const at = { ...(await answeredTurn(store, await taskIn(store, 'building'), [call(0)])), position: 0 }
    const output = 'ß'.repeat(2 * MIB)
    const bundle = Buffer.alloc(4 * MIB, 'bundle')
    const checkpoint = { commit: 'c', tree: 't', bundle }
    await store.conversations.finishTool({
      ...at,
      response: { output: '…' },
      ok: true,
      summary: '',
      output,
      checkpoint,
    })
    await store.artifacts.saveDelivery({ ...at, ...DELIVERED, patch: bundle })
    const tool = (await opened.other.conversations.transcript(at.taskId)).find(({ type }) => type === 'tool')
    expect(tool?.['output'] === output).toBe(true)
    expect(bundle.equals((await opened.other.artifacts.checkpoint(at.taskId))?.bundle ?? Buffer.from(''))).toBe(true)
    expect(bundle.equals((await opened.other.artifacts.patch(at.taskId)) ?? Buffer.from(''))).toBe(true)
  })

  it('count tokens and dollars beyond 32 bits, without the dust of binary fractions', async () => {
    const { taskId } = await taskIn(store, 'building')
    const usage = { inputTokens: 3_000_000_000, outputTokens: 1, thoughtTokens: 0, cachedTokens: 2_999_999_999 }
    for (let calls = 0; calls < 3; calls++)
      await store.conversations.recordCall({ taskId, turn: 1, model: 'm', usage, usd: 0.1 })
    expect((await store.tasks.find(taskId))?.cost).toEqual({
      ...{ usd: 0.3, inputTokens: 9_000_000_000, outputTokens: 3, thoughtTokens: 0 },
      ...{ cachedTokens: 8_999_999_997, modelCalls: 3 },
    })
  })

  describe('more than 2,000 tasks', () => {
    const tenant = ulid()
    const TASKS = 2_050
    beforeAll(async () => {
      const accept = async (writer: Store, times: number) => {
        for (let made = 0; made < times; made++) await writer.tasks.accept(acceptance({ tenant }))
      }
      const writers = [store, opened.other].flatMap((writer) => Array.from({ length: 5 }, () => writer))
      await Promise.all(writers.map((writer) => accept(writer, TASKS / writers.length)))
    })

    it('come in pages, each task once, newest first, while more are added and change', async () => {
      const seen: string[] = []
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await store.tasks.list({ tenant, limit: 200, ...(cursor !== undefined && { cursor }) })
        seen.push(...page.items.map(({ id }) => id))
        cursor = page.nextCursor
        await opened.other.tasks.accept(acceptance({ tenant }))
        await opened.other.tasks.move({
          taskId: page.items[0]?.id ?? '',
          to: 'cancelled',
          events: [{ type: 'task-ended' }],
        })
      }
      expect(seen).toHaveLength(TASKS)
      expect(seen).toEqual([...new Set(seen)].toSorted().toReversed())
    })

    it('give the same page for the same cursor', async () => {
      const { nextCursor } = await store.tasks.list({ tenant, limit: 200 })
      const page = () => store.tasks.list({ tenant, limit: 7, cursor: nextCursor ?? '' })
      const first = await page()
      await opened.other.tasks.accept(acceptance({ tenant }))
      expect(await page()).toEqual(first)
    })
  })

  it('keep 1,500 events of one task in order, page by page', async () => {
    const { taskId } = await taskIn(store, 'building')
    const events = Array.from({ length: 500 }, (__, n) => ({ type: 'message-sent' as const, data: { n } }))
    for (let count = 0; count < 3; count++) await store.tasks.note({ taskId, events })
    expect(await eventTypes(store, taskId)).toHaveLength(1_501)
    expect((await store.tasks.events({ taskId, after: 1_000, limit: 200 }))[0]).toMatchObject({
      sequence: 1_001,
      data: { n: 499 },
    })
  })
})
