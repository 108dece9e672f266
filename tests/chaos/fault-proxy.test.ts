import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FaultProxy } from '../../chaos/fault-proxy.ts'

let echo: Server
let proxy: FaultProxy
let client: Socket
let heard = ''

beforeEach(async () => {
  heard = ''
  echo = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  proxy = await FaultProxy.to((echo.address() as AddressInfo).port)
  client = await joined()
})

afterEach(async () => {
  client.destroy()
  await proxy.close()
  echo.close()
})

async function joined(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => (heard += bytes.toString()))
  await once(socket, 'connect')
  return socket
}

const hears = (text: string): Promise<void> =>
  vi.waitFor(() => expect(heard).toBe(text), { timeout: 5_000, interval: 5 })

it('carries everything in order, also when it is slow', async () => {
  client.write('one ')
  await hears('one ')
  proxy.slow(50)
  const began = performance.now()
  client.write('two ')
  client.write('three')
  await hears('one two three')
  expect(performance.now() - began).toBeGreaterThanOrEqual(95)
})

it.each([['there'], ['back']] as const)('holds what goes %s, and gives it up when the link heals', async (way) => {
  proxy.hold(way)
  client.write('late')
  await delay(100)
  expect(heard).toBe('')
  proxy.heal()
  await hears('late')
})

it('holds connections that are made meanwhile', async () => {
  proxy.hold('there', 'back')
  client.destroy()
  client = await joined()
  client.write('new')
  await delay(100)
  expect(heard).toBe('')
  proxy.heal()
  await hears('new')
})

it('resets connections, and takes new ones', async () => {
  client.write('once')
  await hears('once')
  expect(proxy.cut()).toBe(1)
  await new Promise((resolve) => client.once('close', resolve))
  client = await joined()
  client.write(' more')
  await hears('once more')
})
