import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveApp, type ServedApi } from '../../api/serve.ts'
import { openTestApi, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'
import { framesOf, take } from '../support/event-stream.ts'
import { answerOf, openSocket, type RawAnswer } from '../support/raw-http.ts'

const MIB = 1024 * 1024
let api: TestApi
let server: ServedApi
let key: string
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
  server = await serveApp(api.app, { host: '127.0.0.1', port: 0, closing: api.closing })
  key = (await api.key()).key
})
afterAll(async () => {
  await server.close()
  await api.close()
})

const authorised = () => `Host: x\r\nAuthorization: Bearer ${key}\r\n`
const post = (headers: string) =>
  `POST /v1/tasks HTTP/1.1\r\n${authorised()}Content-Type: application/json\r\n${headers}\r\n`
/** The problem in a raw answer, checked to be one. */
function problemIn({ status, headers, body }: RawAnswer): { readonly status: number; readonly code: string } {
  expect(headers['content-type']).toBe('application/problem+json')
  const problem = JSON.parse(body) as { status: number; code: string }
  expect(problem.status).toBe(status)
  return { status, code: problem.code }
}
async function exchange(request: string): Promise<RawAnswer> {
  const socket = await openSocket(server.url)
  socket.write(request, 'latin1')
  return answerOf(socket)
}

describe('a body over the limit', () => {
  it('is 413 by its Content-Length before any of it is sent, and the connection ends', async () => {
    const socket = await openSocket(server.url)
    socket.write(post(`Content-Length: ${MIB + 1}\r\n`))
    const answer = await answerOf(socket)
    expect(problemIn(answer)).toEqual({ status: 413, code: 'body_too_large' })
    expect(answer.headers['connection']).toBe('close')
    if (!socket.closed) await once(socket, 'close')
  })

  it('is 413 in chunks as soon as the limit is passed, while the rest is still to come', async () => {
    const socket = await openSocket(server.url)
    socket.write(post('Transfer-Encoding: chunked\r\n'))
    const chunk = 'x'.repeat(64 * 1024)
    for (let sent = 0; sent <= MIB; sent += chunk.length) socket.write(`10000\r\n${chunk}\r\n`)
    expect(problemIn(await answerOf(socket))).toEqual({ status: 413, code: 'body_too_large' })
    if (!socket.closed) await once(socket, 'close')
  })

  it('is 401 without a credential, and 413 on a route that needs no body', async () => {
    const declared = `Host: x\r\nContent-Length: ${MIB + 1}\r\n`
    expect((await exchange(`POST /v1/tasks HTTP/1.1\r\n${declared}\r\n`)).status).toBe(401)
    const cancel = `POST /v1/tasks/${await api.taskIn('building')}/cancel HTTP/1.1\r\n${authorised()}`
    expect((await exchange(`${cancel}Content-Length: ${MIB + 1}\r\n\r\n`)).status).toBe(413)
  })

  it('that breaks off is no fault of the gateway', async () => {
    const socket = await openSocket(server.url)
    socket.write(`${post('Content-Length: 100\r\n')}{"prompt":`)
    await delay(50)
    socket.destroy()
    await delay(50)
    expect(api.takeFaults()).toEqual([])
  })

  it('leaves the server able to serve', async () => {
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  })
})

describe('what is not HTTP', () => {
  it.each([
    ['a NUL in a header', `GET /v1/me HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n`, 400],
    ['a NUL in the path', `GET /v1/\0 HTTP/1.1\r\nHost: x\r\n\r\n`, 400],
    ['an unknown method', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a broken Host', 'GET /healthz HTTP/1.1\r\nHost: a b/@\r\n\r\n', 400],
    ['two lengths', 'POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    [
      'a length and chunks',
      'POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['a negative length', 'POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
    ['17 KiB of headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(17 * 1024)}\r\n\r\n`, 431],
  ])('is refused with a problem: %s', async (_, request, status) => {
    expect(problemIn(await exchange(request)).status).toBe(status)
  })

  it.each(['TRACE', 'PROPFIND', 'QUERY'])('is not confused with the method %s, which is 405', async (method) => {
    const answer = await exchange(`${method} /healthz HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect([problemIn(answer).status, answer.headers['allow']]).toEqual([405, 'GET, HEAD'])
  })

  it.each(['/v1/%', '/v1/tasks/%E0%A4%A', '/v1/tasks?q=%', '//', '/../../etc/passwd', '/%2e%2e/x', '*'])(
    'is not confused with the target %s',
    async (target) => {
      const { status } = await exchange(`GET ${target} HTTP/1.1\r\n${authorised()}\r\n`)
      expect(status).toBeLessThan(500)
    },
  )
})

describe('an event stream', () => {
  const follow = async (id: string, last?: number) =>
    framesOf(
      await fetch(`${server.url}/v1/tasks/${id}/events`, {
        headers: { authorization: `Bearer ${key}`, ...(last !== undefined && { 'last-event-id': String(last) }) },
      }),
    )

  it('that broke goes on with Last-Event-ID as if it had not', async () => {
    const taskId = await api.taskIn('building')
    const events = Array.from({ length: 4 }, (_, turn) => ({ type: 'turn-started' as const, data: { turn } }))
    await api.store.tasks.note({ taskId, events })
    const first = await follow(taskId)
    const seen = (await take(first, 3)).map(({ id }) => id)
    await first.return(undefined)
    await expect.poll(() => api.followers(), { timeout: 5_000 }).toBe(0)
    const second = await follow(taskId, seen.at(-1))
    await api.store.tasks.move({ taskId, to: 'failed', events: [{ type: 'task-ended' }] })
    for await (const { id } of second) seen.push(id)
    expect(seen).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('ends when the server closes', async () => {
    const frames = await follow(await api.taskIn('building'))
    await take(frames, 1)
    await Promise.all([server.close(), frames.next().then(({ done }) => expect(done).toBe(true))])
    await expect.poll(() => api.followers(), { timeout: 5_000 }).toBe(0)
  })
})
