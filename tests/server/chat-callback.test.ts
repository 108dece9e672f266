import { readFileSync } from 'node:fs'
import { globalAgent } from 'node:https'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCallbackSender } from '../../adapters/callback/callback-sender.ts'
import { openStore } from '../../adapters/postgres/store.ts'
import { viewOf } from '../../api/task-view.ts'
import type { Store } from '../../domain/ports/store.ts'
import { reportToFollowers } from '../../workers/chat/reporter.ts'
import {
  CALLBACK_SECRET as SECRET,
  CERTIFICATE_FILE,
  isSigned,
  startCallbackReceiver,
  type CallbackReceiver,
} from '../support/callback-receiver.ts'
import { startSender, type RunningSender } from '../support/chat/sending.ts'
import { freshDatabase } from '../support/database.ts'
import { taskIn } from '../support/stored-task.ts'

const WITHIN = { timeout: 30_000, interval: 50 }

globalAgent.options.ca = readFileSync(CERTIFICATE_FILE)
let receiver: CallbackReceiver
let url: string
let calls: CallbackReceiver['calls']
let answers: { status: number; headers?: Record<string, string> }[]
beforeEach(async () => {
  answers = []
  receiver = await startCallbackReceiver(() => answers.shift() ?? { status: 204 })
  ;({ url, calls } = receiver)
})
afterEach(() => receiver.close())

const callback = (allowlist: readonly string[]) =>
  createCallbackSender({ secret: SECRET, allowlist, clock: () => new Date() })

describe('a call', () => {
  const send = (to = url, allowlist: readonly string[] = ['localhost']) =>
    callback(allowlist).send({ id: 'task-1-ended', url: to, body: '{"a":"ü"}' })

  it('is signed as Standard Webhooks has it', async () => {
    expect(await send()).toMatchObject({ type: 'sent' })
    expect(calls).toHaveLength(1)
    expect(calls[0]?.headers).toMatchObject({ 'webhook-id': 'task-1-ended', 'content-type': 'application/json' })
    expect(Math.abs(Number(calls[0]?.headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(5)
    expect(isSigned(calls[0]!)).toBe(true)
    expect(isSigned({ ...calls[0]!, body: '{"a":"u"}' })).toBe(false)
  })

  it.each([301, 400, 404, 429, 500, 503])('that is answered %i is made again later', async (status) => {
    answers.push({ status, headers: { location: 'http://127.0.0.1/', 'retry-after': '7' } })
    expect(await send()).toMatchObject({ type: 'later', afterMs: 7_000 })
    expect(calls).toHaveLength(1)
  })

  it('that is answered 410 is the last', async () => {
    answers.push({ status: 410 })
    expect(await send()).toMatchObject({ type: 'refused' })
  })

  it.each([
    'https://localhost:1/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/latest',
    'https://10.0.0.1/',
    'https://no.such.host.invalid/',
  ])('to %s does not leave, however it got there', async (inner) => {
    expect(await send(inner, [])).toMatchObject({ type: 'later', reason: 'its host has no public address' })
    expect(calls).toEqual([])
  })
})

describe('the callbackUrl of a task', () => {
  let store: Store
  let sender: RunningSender
  const stopping = new AbortController()
  let reporting: Promise<void>
  beforeEach(async () => {
    store = await openStore({ url: await freshDatabase(), connections: 6 })
    sender = startSender(store, [], callback(['localhost']))
    const links = { publicUrl: () => 'https://gw.example', namespace: 'default' }
    reporting = reportToFollowers(
      {
        ...{
          store,
          channels: new Map(),
          linkOf: () => '',
          clock: () => new Date(),
          onFailure: (error) => expect.fail(String(error)),
        },
        viewOf: (task) => viewOf(task, links),
      },
      stopping.signal,
    )
  })
  afterEach(async () => {
    stopping.abort()
    await Promise.all([reporting, sender.stop()])
    await store.close()
  })

  it('is called once with the whole task when it has ended, until it was taken', async () => {
    answers.push({ status: 500 })
    const { taskId } = await taskIn(store, 'delivering', { callbackUrl: url })
    await store.tasks.move({
      ...{ taskId, to: 'completed', events: [{ type: 'task-ended', data: { state: 'completed' } }] },
      change: { result: { summary: 'Done.', verdict: 'passed' } },
    })
    await expect.poll(() => store.outbox.counts(), WITHIN).toEqual({ sent: 1 })
    expect(calls.map(({ headers }) => headers['webhook-id'])).toEqual([`${taskId}-ended`, `${taskId}-ended`])
    expect(calls.every(isSigned)).toBe(true)
    expect(JSON.parse(calls[1]?.body ?? '')).toMatchObject({
      type: 'task.ended',
      data: {
        id: taskId,
        state: 'completed',
        result: { summary: 'Done.' },
        links: { self: `https://gw.example/v1/tasks/${taskId}` },
      },
    })
  })
})
