import { closeSync, openSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { Egress, EgressDoor } from '../../domain/ports/egress.ts'
import type { BlockedAttempt } from '../../domain/ports/sandbox.ts'
import { createEgressProxy, type EgressDecision } from './egress-proxy.ts'
import type { Judge } from './judge.ts'

const NAME = 'proxy.sock'
/** A command that tries thousands of hosts shall fill neither the log nor an event. */
const MAX_LOGGED = 1_000
const MAX_REFUSED = 20

/** A proxy of its own for each task, on a unix socket of the host. */
export function createEgress(options: {
  readonly judge: Judge
  /** Told of every decision of a task's proxy. */
  readonly decided: (decision: EgressDecision & { readonly taskId: string }) => void
}): Egress {
  return {
    async open({ taskId, directory }): Promise<EgressDoor> {
      const refused = new Map<string, BlockedAttempt>()
      let count = 0
      const server = createEgressProxy({
        judge: options.judge,
        decided(decision) {
          if (++count <= MAX_LOGGED) options.decided({ ...decision, taskId })
          if (decision.allowed || refused.size >= MAX_REFUSED) return
          const target = `${decision.host}${decision.port === undefined ? '' : `:${decision.port}`} (${decision.why})`
          refused.set(target, { what: 'egress', target })
        },
      })
      await mkdir(directory, { recursive: true, mode: 0o700 })
      return {
        socket: join(directory, NAME),
        close: await listen(server, directory),
        takeRefused() {
          const taken = [...refused.values()]
          refused.clear()
          return taken
        },
      }
    },
  }
}

/** Gives the way to close it. A socket's path holds 107 bytes, and DATA_DIR may lie deep: so it is named by a descriptor. */
async function listen(server: Server, directory: string): Promise<() => Promise<void>> {
  const descriptor = openSync(directory, 'r')
  const connections = new Set<Socket>()
  server.on('connection', (connection: Socket) => {
    connections.add(connection)
    connection.once('close', () => connections.delete(connection))
  })
  server.listen(`/proc/self/fd/${descriptor}/${NAME}`)
  await once(server, 'listening')
  // The folder above is closed to others; in the sandbox somebody else's user must get in.
  await chmod(join(directory, NAME), 0o666)
  const close = async () => {
    const closed = once(server, 'close')
    server.close()
    for (const connection of connections) connection.destroy()
    await closed
    closeSync(descriptor)
  }
  let closing: Promise<void> | undefined
  return () => (closing ??= close())
}
