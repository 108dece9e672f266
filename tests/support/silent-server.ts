import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { commandLines } from './processes.ts'

/** A host that takes every connection and never says a word. */
export interface SilentServer {
  readonly url: string
  /** Resolves with the next connection. */
  connected(): Promise<unknown>
  /** Command lines of the processes that speak to it. */
  clients(): readonly string[]
  close(): Promise<void>
}

export async function startSilentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const mention = new RegExp(`127\\.0\\.0\\.1:${port}/|-p ${port} `)
  return {
    url: `http://127.0.0.1:${port}/team/app.git`,
    connected: () => once(server, 'connection'),
    clients: () => commandLines().filter((line) => mention.test(line)),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
