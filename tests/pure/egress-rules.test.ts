import { connect } from 'node:tls'
import { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { createAllowlist } from '../../adapters/egress/allowlist.ts'
import { readGreeting } from '../../adapters/egress/client-hello.ts'
import { destinationOf, plainTarget } from '../../adapters/egress/destination.ts'

describe('a destination', () => {
  test.each([
    ['example.com:443', { host: 'example.com', port: 443 }],
    ['EXAMPLE.com:8443', { host: 'example.com', port: 8443 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['10.0.0.1:80', { host: '10.0.0.1', port: 80 }],
    ['xn--bcher-kva.example:65535', { host: 'xn--bcher-kva.example', port: 65_535 }],
  ])('%s is read', (authority, destination) => {
    expect(destinationOf(authority)).toEqual(destination)
  })

  test.each([
    ['without a port', 'example.com'],
    ['with port 0', 'example.com:0'],
    ['with a port beyond the last', 'example.com:65536'],
    ['with a port that is no number', 'example.com:443x'],
    ['with two ports', 'example.com:80:443'],
    ['with a trailing dot', 'example.com.:443'],
    ['with an empty label', 'example..com:443'],
    ['with a user', 'user@example.com:443'],
    ['with a NUL', 'evil.test\0.example.com:443'],
    ['with a line break', 'example.com\r\n:443'],
    ['with a blank', 'example.com :443'],
    ['with a percent sign', 'example%2ecom:443'],
    ['with letters outside ASCII', 'exаmple.com:443'],
    ['with a dash in front', '-example.com:443'],
    ['with a path', 'example.com:443/x'],
    ['in IPv6', '[::1]:443'],
    ['of 300 characters', `${'a.'.repeat(150)}com:443`],
    ['of nothing', ''],
  ])('%s is not', (_, authority) => {
    expect(destinationOf(authority)).toBeUndefined()
  })

  test.each([
    ['http://example.com', { host: 'example.com', port: 80, path: '/' }],
    ['http://example.com:8080/a?b=c', { host: 'example.com', port: 8080, path: '/a?b=c' }],
  ])('%s of a plain request is read', (url, target) => {
    expect(plainTarget(url)).toEqual(target)
  })

  test.each([
    'https://example.com/',
    'ftp://example.com/',
    '/path',
    '*',
    'http://user:word@example.com/',
    'http://example.com\\@evil.test/',
    'http://example.com#@evil.test/',
    'http://example.com?x',
    'http:///example.com/',
    'http://exam\0ple.com/',
    'http://[::1]/',
    'http://example.com/a b',
  ])('%j of a plain request is not', (url) => {
    expect(plainTarget(url)).toBeUndefined()
  })
})

describe('a list of allowed hosts', () => {
  const isAllowed = createAllowlist(['registry.test', 'mirror.test:8081', '*.cdn.test'])

  test.each([
    ['registry.test', 443],
    ['mirror.test', 8081],
    ['a.cdn.test', 443],
    ['b.a.cdn.test', 443],
  ])('has %s:%i', (host, port) => {
    expect(isAllowed({ host, port })).toBe(true)
  })

  test.each([
    ['registry.test', 80],
    ['registry.test', 22],
    ['mirror.test', 443],
    ['cdn.test', 443],
    ['notcdn.test', 443],
    ['evil-registry.test', 443],
    ['registry.test.evil.test', 443],
    ['sub.registry.test', 443],
    ['127.0.0.1', 443],
    ['2130706433', 443],
  ])('has not %s:%i', (host, port) => {
    expect(isAllowed({ host, port })).toBe(false)
  })

  test('that is empty has nothing', () => {
    expect(createAllowlist([])({ host: 'registry.test', port: 443 })).toBe(false)
  })
})

/** What Node's own TLS client says first. */
function greetingOf(servername: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = new Duplex({ read: () => undefined, write: (bytes: Buffer) => resolve(bytes) })
    connect({ socket, servername, rejectUnauthorized: false }).on('error', () => undefined)
  })
}

/** The same bytes of a handshake, in records of a few. */
function inRecordsOf(size: number, greeting: Buffer): Buffer {
  const handshake = greeting.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < handshake.length; at += size) {
    const part = handshake.subarray(at, at + size)
    records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(records)
}

describe('the greeting of a TLS client', () => {
  test('names the server it wants', async () => {
    expect(readGreeting(await greetingOf('Registry.test'))).toEqual({ type: 'tls', serverName: 'registry.test' })
  })

  test('may name none', async () => {
    expect(readGreeting(await greetingOf(''))).toEqual({ type: 'tls', serverName: undefined })
  })

  test('is understood in records of any size', async () => {
    const greeting = await greetingOf('registry.test')
    for (const size of [1, 3, 4, 100])
      expect(readGreeting(inRecordsOf(size, greeting))).toEqual({ type: 'tls', serverName: 'registry.test' })
  })

  test('is awaited while any of it is missing, and never misread', async () => {
    const greeting = await greetingOf('registry.test')
    for (let length = 0; length < greeting.length; length++)
      expect(readGreeting(greeting.subarray(0, length)), `${length} bytes`).toEqual({ type: 'incomplete' })
  })

  test.each([
    ['a plain request', 'GET / HTTP/1.1\r\n\r\n'],
    ['ssh', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['another record', Buffer.from([0x17, 3, 3, 0, 1, 0])],
    ['another message', Buffer.from([0x16, 3, 3, 0, 4, 2, 0, 0, 0])],
    ['lengths that lead nowhere', Buffer.from([0x16, 3, 1, 0, 6, 1, 0, 0, 2, 255, 255])],
  ])('is not %s', (_, bytes) => {
    expect(readGreeting(Buffer.from(bytes))).toEqual({ type: 'other' })
  })
})
