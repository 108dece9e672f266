import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../adapters/postgres/store.ts'
import type { PlannedCall } from '../../domain/contracts.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { ModelRequest, ScriptedModel, ScriptedTurn } from '../../simulators/gemini/script.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { Conversation } from '../support/conversation.ts'
import { freshDatabase } from '../support/database.ts'
import { eventTypes } from '../support/stored-task.ts'

const MODEL = 'gemini-3.1-pro-preview'
const READ = { name: 'read_file', args: { file_path: 'größe.ts' } }

let database: string
let stores: [Store, Store]
let simulators: GeminiSimulator[] = []
beforeEach(async () => {
  database = await freshDatabase()
  stores = [await openStore({ url: database, connections: 4 }), await openStore({ url: database, connections: 4 })]
})
afterEach(async () => {
  await Promise.all([...stores, ...simulators.splice(0)].map((place) => place.close()))
})

/** A task with a model that answers turn by turn, behind two front doors. */
async function begin(
  script: ScriptedModel | readonly ScriptedTurn[],
  approvalMode: 'default' | 'sandboxed' = 'sandboxed',
) {
  const asked: ModelRequest[] = []
  const model: ScriptedModel = (request) => {
    asked.push(request)
    return typeof script === 'function' ? script(request) : (script[request.turn] ?? { text: 'Done.' })
  }
  const [one, other] = [
    await startGeminiSimulator({ script: model, seed: 's' }),
    await startGeminiSimulator({ script: model, seed: 's' }),
  ]
  simulators = [one, other]
  const request = { prompt: 'Fix the parser', constraints: { approvalMode } }
  const conversation = await Conversation.begin({ stores, urls: [one.url, other.url] }, { model: MODEL, request })
  return {
    conversation,
    asked,
    ledger: () => [...one.ledger, ...other.ledger].toSorted((a, b) => a.at.localeCompare(b.at)),
  }
}
/** The next turn and its calls; throws when it could not be taken. */
async function turnOf(
  conversation: Conversation,
): Promise<{ calls: readonly [PlannedCall, ...PlannedCall[]]; last: boolean }> {
  const outcome = await conversation.takeTurn()
  if (outcome.type !== 'answered') throw new Error(outcome.type)
  return { calls: outcome.calls as [PlannedCall, ...PlannedCall[]], last: outcome.last }
}
/** What the user content at a place from the end says. */
const said = (request: ModelRequest | undefined, place: number) => request?.contents.at(place)?.parts

describe('a conversation', () => {
  it('goes through calls, steering, a question, a refusal and a repair, and breaks no rule of the protocol', async () => {
    const { conversation, asked, ledger } = await begin(
      [
        { text: 'I read.', calls: [READ, { name: 'glob', args: { pattern: '**' } }] },
        { calls: [{ name: 'ask_user', args: { question: 'Which parser?' } }, READ] },
        { calls: [{ name: 'run_shell_command', args: { command: 'rm -rf .' } }, READ] },
        { text: 'I think it is done ✓' },
        { text: '', calls: [{ name: 'complete_task', args: { summary: 'Fixed.' } }] },
      ],
      'default',
    )
    const reading = (await turnOf(conversation)).calls
    for (const call of reading.toReversed()) await conversation.runTool(call, { output: call.name })
    await conversation.say('and be quick')

    const [question, read] = (await turnOf(conversation)).calls
    await conversation.runTool(question)
    await conversation.wait({ for: 'input', turn: 2, position: 0 })
    await conversation.say('the “new” one')
    await conversation.resume()
    expect((await turnOf(conversation)).calls).toEqual([read])
    await conversation.runTool(read as PlannedCall, { output: '' })

    expect((await turnOf(conversation)).calls[0].decision).toBe('ask')
    const approvalId = (await conversation.wait({ for: 'approval', turn: 3, position: 0 })) ?? ''
    await conversation.decide(approvalId, 'reject', 'Never.')
    await conversation.resume()
    await conversation.runTool((await turnOf(conversation)).calls[0], { output: 'x' })

    expect(await turnOf(conversation)).toEqual({ calls: [], last: true })
    expect(await conversation.beginVerification()).toBe(true)
    await conversation.requestRepair('1 of 3 tests failed')
    const completing = await turnOf(conversation)
    expect(completing.last).toBe(true)
    await conversation.runTool(completing.calls[0], { output: 'handed in' })
    expect(await conversation.beginVerification()).toBe(true)

    expect(ledger().map(({ status, signatures }) => [status, signatures])).toEqual(
      ['none', 'verified', 'verified', 'verified', 'verified'].map((verdict) => [200, verdict]),
    )
    expect(said(asked[1], -2)?.map(({ functionResponse }) => functionResponse?.response)).toEqual([
      { output: 'read_file' },
      { output: 'glob' },
    ])
    expect(said(asked[1], -1)).toEqual([{ text: 'and be quick' }])
    expect(said(asked[2], -1)?.[0]?.functionResponse?.response).toEqual({ output: 'the “new” one' })
    expect(said(asked[3], -1)?.[0]?.functionResponse?.response).toEqual({
      error: 'The requester rejected this call. Never.',
    })
    expect(said(asked[4], -1)?.[0]?.text).toContain('1 of 3 tests failed')
    expect(await stores[0].conversations.lastWords(conversation.taskId)).toBe('Fixed.')
  })

  it('asks again after answers that were cut, refused or empty, and goes on as if nothing had been', async () => {
    const { conversation, ledger } = await begin([{ calls: [READ] }, { text: 'Done ✓' }])
    for (const fault of ['cut', 'overloaded', 'stream-error', 'empty', 'malformed-call'] as const) {
      for (const simulator of simulators) simulator.failNext(fault)
      await expect(conversation.takeTurn()).rejects.toMatchObject({ retryable: true })
      await expect(conversation.takeTurn()).rejects.toMatchObject({ retryable: true })
    }
    await conversation.runTool((await turnOf(conversation)).calls[0], { output: 'x' })
    expect((await turnOf(conversation)).last).toBe(true)
    expect(ledger().filter(({ status }) => status >= 400 && status <= 404)).toEqual([])
    expect((await eventTypes(stores[0], conversation.taskId)).filter((type) => type === 'turn-started')).toHaveLength(2)
    // The empty and the malformed answers were paid for, what broke on the way was not counted.
    expect((await stores[0].tasks.find(conversation.taskId))?.cost.modelCalls).toBe(6)
  })

  it('is taken up by another process after every turn', async () => {
    const { conversation, ledger } = await begin([{ calls: [READ, READ] }, { text: 'One more.', calls: [READ] }])
    for (const call of (await turnOf(conversation)).calls) await conversation.runTool(call, { output: 'by this one' })
    const run = promisify(execFile)
    const counts: string[] = []
    for (let turn = 2; turn <= 3; turn++) {
      const place = [database, simulators[turn % 2]?.url ?? '', conversation.taskId]
      const { stdout } = await run(process.execPath, ['bin/run.mjs', 'tests/support/take-one-turn.ts', ...place])
      counts.push(stdout.trim())
    }
    expect(counts).toEqual(['1', '0'])
    expect(ledger().map(({ status, signatures }) => [status, signatures])).toEqual([
      [200, 'none'],
      [200, 'verified'],
      [200, 'verified'],
    ])
  })

  it('goes on with the first answer when a turn was asked twice at once', async () => {
    let answers = 0
    const model: ScriptedModel = ({ turn }) => {
      if (turn > 0) return { text: 'Done.' }
      answers += 1
      return answers === 1 ? { calls: [READ, READ] } : { text: 'I need no call.' }
    }
    const { conversation, ledger } = await begin(model)
    const [one, other] = await Promise.all([turnOf(conversation), turnOf(conversation)])
    expect(other).toEqual(one)
    for (const call of one.calls) await conversation.runTool(call, { output: 'x' })
    await conversation.say('go on')
    expect((await turnOf(conversation)).last).toBe(true)
    expect(ledger().map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await stores[0].tasks.find(conversation.taskId))?.cost.modelCalls).toBe(3)
  })

  it.each<[string, ScriptedTurn]>([
    ['words', { text: 'That is all.' }],
    ['complete_task', { calls: [{ name: 'complete_task', args: { summary: 'Fixed.' } }] }],
  ])('is over for the Builder that takes it up after the last one ended with %s', async (_, turn) => {
    const { conversation, ledger } = await begin([turn])
    for (const call of (await turnOf(conversation)).calls) await conversation.runTool(call, { output: 'ok' })
    await conversation.loseSeat()
    expect(await turnOf(conversation)).toEqual({ calls: [], last: true })
    expect(ledger()).toHaveLength(1)
  })

  it('repeats a call whose Builder died in the middle, on the next seat only', async () => {
    const { conversation, asked } = await begin([{ calls: [READ, READ] }])
    const { calls } = await turnOf(conversation)
    await conversation.runTool(calls[0])
    await conversation.loseSeat()
    expect((await turnOf(conversation)).calls).toEqual(calls)
    for (const call of calls) await conversation.runTool(call, { output: 'second time' })
    await turnOf(conversation)
    expect(said(asked[1], -1)).toHaveLength(2)
    const types = await eventTypes(stores[0], conversation.taskId)
    expect(types.filter((type) => type.startsWith('tool-'))).toEqual([
      'tool-called',
      'tool-finished',
      'tool-called',
      'tool-finished',
    ])
  })
})
