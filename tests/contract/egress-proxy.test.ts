import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect as connectTls } from 'node:tls'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createJudge } from '../../adapters/egress/judge.ts'
import type { EgressDoor } from '../../domain/ports/egress.ts'
import { judgeOf, openDoor, plainUpstream, said, SHARED_KEY, tlsUpstream } from '../support/egress.ts'

const connecting = (authority: string): string => `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`
const getting = (url: string, more = ''): string => `GET ${url} HTTP/1.1\r\nHost: x\r\n${more}Connection: close\r\n\r\n`

/** A TLS connection through a tunnel; what the far end says, or nothing. */
async function through(door: EgressDoor, authority: string, servername: string): Promise<string> {
  const socket = connect(door.socket)
  socket.write(connecting(authority))
  const [first] = (await once(socket, 'data')) as [Buffer]
  if (!first.toString().startsWith('HTTP/1.1 200')) return first.toString()
  const pskCallback = () => ({ psk: SHARED_KEY, identity: 'test' })
  const settings = { ciphers: 'PSK', maxVersion: 'TLSv1.2', checkServerIdentity: () => undefined } as const
  const secure = connectTls({ socket, ...settings, pskCallback, ...(servername !== '' && { servername }) })
  let heard = ''
  secure.on('data', (bytes: Buffer) => (heard += bytes.toString()))
  secure.on('error', () => undefined)
  return new Promise((resolve) => secure.once('close', () => resolve(heard)))
}

describe('a listed host', () => {
  test('is reached by TLS, and the decision is told with the address it was pinned to', async () => {
    const { port } = await tlsUpstream()
    const door = await openDoor(judgeOf([`registry.test:${port}`]))
    expect(await through(door, `registry.test:${port}`, 'registry.test')).toBe('greetings')
    expect(door.decisions).toEqual([{ host: 'registry.test', port, allowed: true, addresses: ['127.0.0.1'] }])
    expect(door.takeRefused()).toEqual([])
  })

  test('is reached by plain http: method, path and body go through, what concerns the proxy alone does not', async () => {
    const headers: string[] = []
    const { port, received } = await plainUpstream((request) => headers.push(...Object.keys(request.headers)))
    const door = await openDoor(judgeOf([`registry.test:${port}`]))
    const request = httpRequest({
      socketPath: door.socket,
      method: 'POST',
      path: `http://registry.test:${port}/a?b=c`,
      headers: { 'proxy-authorization': 'Basic x', te: 'trailers', 'x-own': '1', host: 'other.test' },
    })
    request.end('body')
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    expect(String(await response.toArray())).toBe('path /a?b=c')
    expect(received).toEqual([`POST /a?b=c of registry.test:${port}`, 'body'])
    expect(headers).toContain('x-own')
    expect(headers).not.toContain('proxy-authorization')
    expect(headers).not.toContain('te')
  })

  test('that sends elsewhere is not followed: the answer goes back, and the next request is judged anew', async () => {
    const { port, received } = await plainUpstream()
    const door = await openDoor(judgeOf([`registry.test:${port}`]))
    expect(await said(door, getting(`http://registry.test:${port}/moved`))).toMatch(/^HTTP\/1\.1 302 .*elsewhere/s)
    expect(await said(door, getting('http://elsewhere.test/'))).toMatch(/^HTTP\/1\.1 403/)
    expect(received).toHaveLength(1)
  })

  test('that does not answer is a bad gateway', async () => {
    const { port } = await plainUpstream()
    const door = await openDoor(judgeOf([`gone.test:1`, `registry.test:${port}`]))
    expect(await said(door, connecting('gone.test:1'))).toContain('502 Bad Gateway')
    expect(await said(door, getting('http://gone.test:1/'))).toContain('502 Bad Gateway')
  })
})

describe('what is not on the list', () => {
  /** The port of the test's server stands for P. */
  const TARGETS = [
    'evil.test:P',
    'evil-registry.test:P',
    'registry.test.evil.test:P',
    'sub.registry.test:P',
    'registry.test:22',
    'localhost:P',
    '127.0.0.1:P',
    '2130706433:P',
    '0x7f.1:P',
    '0:P',
  ]

  test.each(TARGETS)('%s is refused by a tunnel, and reached where everything is allowed', async (target) => {
    const { port, received } = await plainUpstream()
    const authority = target.replace('P', String(port))
    const guarded = await openDoor(judgeOf([`registry.test:${port}`]))
    const [host] = authority.split(':')
    expect(await said(guarded, connecting(authority))).toMatch(/^HTTP\/1\.1 403 /)
    expect(guarded.takeRefused()).toEqual([
      { what: 'egress', target: `${authority} (not on the list of allowed hosts)` },
    ])
    expect(received).toEqual([])
    if (!authority.endsWith(`:${port}`)) return
    const open = await openDoor(judgeOf([`${host}:${port}`]))
    expect(await said(open, connecting(authority))).toMatch(/^HTTP\/1\.1 200 /)
  })

  test.each(TARGETS.filter((target) => target.endsWith(':P')))('%s is refused to a plain request', async (target) => {
    const { port, received } = await plainUpstream()
    const url = `http://${target.replace('P', String(port))}/`
    const guarded = await openDoor(judgeOf([`registry.test:${port}`]))
    expect(await said(guarded, getting(url))).toMatch(/^HTTP\/1\.1 403 /)
    expect(received).toEqual([])
    const open = await openDoor(judgeOf([target.replace('P', String(port))]))
    expect(await said(open, getting(url))).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('a target with two readings', () => {
  test.each([
    'evil.test\0.registry.test:P',
    'user@registry.test:P',
    'registry.test.:P',
    'registry.test%00.evil.test:P',
    '[::1]:P',
    '[::ffff:127.0.0.1]:P',
    'registry.test',
    '',
  ])('%j is refused before anything is resolved or reached', async (target) => {
    const { port, received } = await plainUpstream()
    let asked = 0
    const resolve = () => Promise.resolve((asked++, ['127.0.0.1']))
    const door = await openDoor(createJudge({ allowed: ['*.test', `*.test:${port}`], inner: [], resolve }))
    await said(door, connecting(target.replace('P', String(port))))
    expect({ asked, received, allowed: door.decisions.filter(({ allowed }) => allowed) }).toEqual({
      asked: 0,
      received: [],
      allowed: [],
    })
  })

  test.each([
    'http://user:word@registry.test:P/',
    'http://registry.test:P\\@evil.test/',
    '/',
    'https://registry.test:P/',
  ])('%s of a plain request is refused, and no credential of it is told', async (target) => {
    const { port, received } = await plainUpstream()
    const door = await openDoor(judgeOf([`registry.test:${port}`]))
    expect(await said(door, getting(target.replace('P', String(port))))).toMatch(/^HTTP\/1\.1 40[03] /)
    expect(received).toEqual([])
    expect(door.decisions.map(({ allowed }) => allowed)).toEqual([false])
    expect(JSON.stringify(door.takeRefused())).not.toContain('word')
  })
})

describe('a listed name', () => {
  const judged = (addresses: readonly string[], inner: readonly string[] = []) =>
    createJudge({ allowed: ['registry.test'], inner, resolve: () => Promise.resolve(addresses) })({
      host: 'registry.test',
      port: 443,
    })

  test.each([
    ['a loopback address', ['127.0.0.1']],
    ['a private address', ['10.1.2.3']],
    ['another private address', ['192.168.0.1']],
    ['a shared address', ['100.64.0.1']],
    ['the address of all', ['0.0.0.0']],
    ['the loopback of IPv6', ['::1']],
    ['a private address of IPv6', ['fd00::1']],
    ['a loopback address in the dress of IPv6', ['::ffff:127.0.0.1']],
    ['a translated loopback address', ['64:ff9b::7f00:1']],
    ['one public and one private address', ['93.184.215.14', '10.0.0.1']],
  ])('with %s is refused unless the operator vouches for it', async (_, addresses) => {
    expect(await judged(addresses)).toEqual({ why: 'an inner address' })
    expect(await judged(addresses, ['registry.test'])).toEqual({ addresses })
    expect(await judged(addresses, ['registry.test:443'])).toEqual({ addresses })
    expect(await judged(addresses, ['registry.test:444'])).toEqual({ why: 'an inner address' })
  })

  test.each([['169.254.169.254'], ['fe80::1'], ['::ffff:169.254.169.254']])(
    'with the link-local address %s, where clouds hand out credentials, is refused whoever vouches for it',
    async (address) => {
      expect(await judged([address], ['registry.test'])).toEqual({ why: 'a link-local address' })
    },
  )

  test('with public addresses only is allowed, and without any it is not', async () => {
    expect(await judged(['93.184.215.14', '2606:2800:21f:cb07::1'])).toEqual({
      addresses: ['93.184.215.14', '2606:2800:21f:cb07::1'],
    })
    expect(await judged([])).toEqual({ why: 'no address is known' })
  })

  test('that changes its mind after it was judged is reached where it was: it is asked once', async () => {
    const { port } = await plainUpstream()
    const answers = [['127.0.0.1'], ['127.9.9.9']]
    const resolve = () => Promise.resolve(answers.shift() ?? [])
    const allowed = [`registry.test:${port}`]
    const door = await openDoor(createJudge({ allowed, inner: allowed, resolve }))
    expect(await said(door, getting(`http://registry.test:${port}/`))).toMatch(/^HTTP\/1\.1 200 /)
    expect(answers).toHaveLength(1)
  })
})

describe('a tunnel to a listed host', () => {
  test.each([
    ['names another one inside', 'evil.test', 'the TLS names evil.test'],
    ['names none inside', '', 'what was sent is no TLS that names its server'],
  ])('is cut when its TLS %s', async (_, servername, why) => {
    const { port, received } = await tlsUpstream()
    const door = await openDoor(judgeOf([`registry.test:${port}`]))
    expect(await through(door, `registry.test:${port}`, servername)).toBe('')
    expect(door.takeRefused()).toEqual([{ what: 'egress', target: `registry.test:${port} (${why})` }])
    expect(received).not.toContain('a handshake')
  })

  test.each([
    ['a plain request', 'GET /plain HTTP/1.1\r\nHost: registry.test\r\n\r\n'],
    ['another CONNECT, to be relayed', connecting('evil.test:443')],
    ['ssh', 'SSH-2.0-x\r\n'],
  ])('is cut when it carries %s', async (_, words) => {
    const { port, received } = await plainUpstream()
    const door = await openDoor(judgeOf([`registry.test:${port}`]))
    const answer = await said(door, connecting(`registry.test:${port}`), words)
    expect(answer).toBe('HTTP/1.1 200 Connection Established\r\n\r\n')
    expect(received).toEqual([])
    expect(door.takeRefused()[0]?.target).toContain('no TLS that names its server')
  })
})

test('thousands of refusals fill no event: twenty are kept, each attempt once', async () => {
  const door = await openDoor(judgeOf([]))
  for (let host = 0; host < 30; host++)
    for (let times = 0; times < 2; times++) await said(door, connecting(`h${host}.test:443`))
  expect(door.decisions).toHaveLength(60)
  expect(door.takeRefused()).toHaveLength(20)
  expect(door.takeRefused()).toEqual([])
})

test('a closed door cuts what still runs through it', async () => {
  const { port } = await tlsUpstream()
  const door = await openDoor(judgeOf([`registry.test:${port}`]))
  const socket = connect(door.socket)
  socket.write(connecting(`registry.test:${port}`))
  await once(socket, 'data')
  const closed = once(socket, 'close')
  await door.close()
  await closed
  expect(socket.destroyed).toBe(true)
})
