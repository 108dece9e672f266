import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { ModelRequest } from '../../simulators/gemini/script.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { freshDatabase } from '../support/database.ts'
import { playRandomConversation, randomModel } from '../support/random-conversation.ts'
import { eventTypes } from '../support/stored-task.ts'

const SEEDS = Array.from({ length: 64 }, (_, index) => index + 1)

let stores: [Store, Store, Store]
let simulators: [GeminiSimulator, GeminiSimulator]
/** Every request of a conversation in the order of their arrival. */
const asked = new Map<number, ModelRequest[]>()
beforeAll(async () => {
  const url = await freshDatabase()
  const open = () => openStore({ url, connections: 4 })
  stores = [await open(), await open(), await open()]
  const script = (request: ModelRequest) => {
    const seed = Number(/^Task (\d+)/.exec(request.text)?.[1])
    asked.set(seed, [...(asked.get(seed) ?? []), request])
    return randomModel(request)
  }
  const start = () => startGeminiSimulator({ script, seed: 'one service' })
  simulators = [await start(), await start()]
})
afterAll(() => Promise.all([...stores, ...simulators].map((place) => place.close())))

const ledger = () => simulators.flatMap((simulator) => simulator.ledger)
/** What a request says, part by part. */
const partsOf = ({ contents }: ModelRequest): readonly string[] =>
  contents.flatMap(({ role, parts }) => parts.map((part) => `${role} ${JSON.stringify(part)}`))

describe('random conversations', () => {
  describe.concurrent('each', () => {
    it.each(SEEDS)('number %i comes to its end, adds to what was said and rewrites nothing', async (seed) => {
      const taskId = await playRandomConversation({ stores, urls: [simulators[0].url, simulators[1].url] }, seed)
      const requests = (asked.get(seed) ?? []).map(partsOf)
      requests
        .slice(1)
        .forEach((parts, index) => expect(parts.slice(0, requests[index]?.length)).toEqual(requests[index]))
      const types = await eventTypes(stores[0], taskId)
      const count = (wanted: string) => types.filter((type) => type === wanted).length
      expect(count('tool-called')).toBe(count('tool-finished'))
      const turns = (await stores[1].conversations.transcript(taskId)).filter(({ type }) => type === 'turn')
      expect(count('turn-started')).toBe(turns.length)
    })
  })

  describe('together', () => {
    it('break no rule of the protocol in hundreds of requests with every kind of step', () => {
      const entries = ledger()
      expect(entries.filter(({ status }) => status >= 400 && status <= 404)).toEqual([])
      expect(entries.length).toBeGreaterThan(SEEDS.length * 5)
      expect(entries.filter(({ signatures }) => signatures === 'verified').length).toBeGreaterThan(SEEDS.length)
      const said = JSON.stringify([...asked.values()].map((requests) => requests.at(-1)?.contents))
      for (const words of ['The requester rejected this call.', 'not in this mode', 'The verifier ran', 'or rather no'])
        expect(said).toContain(words)
    })

    it('cost what the service counted, for every answer that came through and for no other', async () => {
      const tasks = (await stores[0].tasks.list({ tenant: 'default', limit: 200 })).items
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
      const answered = ledger().filter(
        ({ status, fault }) => status === 200 && fault !== 'cut' && fault !== 'stream-error',
      )
      expect(sum(tasks.map(({ cost }) => cost.inputTokens))).toBe(sum(answered.map(({ inputTokens }) => inputTokens)))
      expect(sum(tasks.map(({ cost }) => cost.outputTokens + cost.thoughtTokens))).toBe(
        sum(answered.map(({ outputTokens }) => outputTokens)),
      )
    })
  })
})
