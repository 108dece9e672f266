import { afterEach, beforeEach, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import { MAX_TOOL_OUTPUT_IN_PROMPT } from '../../domain/limits.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { ModelRequest } from '../../simulators/gemini/script.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { Conversation } from '../support/conversation.ts'
import { freshDatabase } from '../support/database.ts'

const TURNS = 120
const REQUEST_LIMIT = 1024 * 1024
const PROMPT = 'Read everything, then say what it is.'

let store: Store
let simulator: GeminiSimulator
let asked: ModelRequest[]
let conversation: Conversation

beforeEach(async () => {
  asked = []
  store = await openStore({ url: await freshDatabase(), connections: 4 })
  simulator = await startGeminiSimulator({
    script: (request) => {
      asked.push(request)
      const number = asked.length
      if (number === 7) return { calls: [{ name: 'write_file', args: { file_path: 'notes.md', content: 'n' } }] }
      return { text: `Step ${number}.`, calls: [{ name: 'read_file', args: { file_path: `file-${number}.ts` } }] }
    },
  })
  const request = { prompt: PROMPT, constraints: { maxTurns: 200 } }
  const places = { stores: [store], urls: [simulator.url] } as const
  conversation = await Conversation.begin(places, { model: 'gemini-3.1-pro-preview', request })
})
afterEach(async () => {
  await store.close()
  await simulator.close()
})

async function play(turns: number): Promise<void> {
  for (let turn = 1; turn <= turns; turn++) {
    if (turn === 5) await conversation.say('Mind the umlauts.')
    const outcome = await conversation.takeTurn()
    if (outcome.type !== 'answered') throw new Error(outcome.type)
    for (const call of outcome.calls)
      await conversation.runTool(call, { output: 'x'.repeat(MAX_TOOL_OUTPUT_IN_PROMPT) })
  }
}

const bytesOf = (request: ModelRequest): number => Buffer.byteLength(JSON.stringify(request.contents))
const textOf = (request: ModelRequest | undefined): string => JSON.stringify(request?.contents.slice(0, 2))

it('goes on for as long as it likes: no request over 1 MiB, the request and the record in each', async () => {
  await play(TURNS)
  expect(asked).toHaveLength(TURNS)
  expect(Math.max(...asked.map(bytesOf))).toBeLessThan(REQUEST_LIMIT * 0.75)
  expect(asked.every(({ contents }) => contents[0]?.parts[0]?.text?.startsWith(PROMPT))).toBe(true)

  const compacted = asked.filter((request) => textOf(request).includes('<state_snapshot>'))
  expect(compacted.length).toBeGreaterThan(TURNS / 2)
  const last = textOf(compacted.at(-1))
  for (const remembered of ['notes.md', 'file-50.ts', 'Mind the umlauts.', 'turn 90: Step 90.'])
    expect(last).toContain(remembered)
})

it('keeps the turns that stay as they were, and stays the same when a turn is asked for again', async () => {
  await play(60)
  const at = { taskId: conversation.taskId, seat: 1, turn: 61 }
  const [first, again] = [await store.conversations.beginTurn(at), await store.conversations.beginTurn(at)]
  expect(again).toEqual(first)
  const contents = first.type === 'ready' ? first.contents : []
  const before = asked.at(-1)?.contents ?? []
  // The last turn before is followed by its answer; everything in front of it was there already.
  expect(contents.slice(0, -2)).toEqual(before.slice(1))
})

it('bounds what is said between two turns, and keeps the beginning of each message', async () => {
  await play(1)
  const said = Array.from({ length: 60 }, (_, number) => `Message ${number}. ${'é'.repeat(16_000)}`)
  for (const text of said) await conversation.say(text)
  await play(2)
  const [, second, third] = asked
  for (const request of [second, third]) {
    expect(bytesOf(request as ModelRequest)).toBeLessThan(REQUEST_LIMIT / 2)
    for (const number of said.keys()) expect(JSON.stringify(request?.contents)).toContain(`Message ${number}.`)
  }
})

it('bounds a single turn of very many calls too', async () => {
  const fence = { taskId: conversation.taskId, seat: 1 }
  const args = { file_path: 'a' }
  const calls = Array.from({ length: 100 }, (_, position) => {
    return { position, id: `c${position}`, name: 'read_file', args, decision: 'allow' as const }
  })
  const parts = calls.map(({ id, name }) => ({ functionCall: { id, name, args } }))
  const usage = { inputTokens: 1, outputTokens: 1, thoughtTokens: 0, cachedTokens: 0 }
  await store.conversations.beginTurn({ ...fence, turn: 1 })
  const answer = { model: 'm', finishReason: 'STOP', usage, usd: 0 }
  await store.conversations.finishTurn({ ...fence, turn: 1, ...answer, parts, calls })
  for (const { position } of calls) {
    const at = { ...fence, turn: 1, position }
    await store.conversations.beginTool(at)
    const response = { output: `${position}${'x'.repeat(MAX_TOOL_OUTPUT_IN_PROMPT)}` }
    await store.conversations.finishTool({ ...at, response, ok: true, summary: '' })
  }
  const start = await store.conversations.beginTurn({ ...fence, turn: 2 })
  const contents = start.type === 'ready' ? start.contents : []
  expect(Buffer.byteLength(JSON.stringify(contents))).toBeLessThan(REQUEST_LIMIT / 2)
  expect(contents.at(-1)?.parts).toHaveLength(100)
  expect(contents.find(({ role }) => role === 'model')?.parts).toEqual(parts)
})
