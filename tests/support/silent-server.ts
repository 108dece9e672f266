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
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}/team/app.git`,
    connected: () => once(server, 'connection'),
    clients: () => commandLines().filter((line) => line.includes(host)),
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
