import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

type Direction = 'there' | 'back'

/** Sees every piece before it is carried on, and may let it arrive nowhere. */
export type Tap = (bytes: Buffer, direction: Direction, client: Socket) => 'pass' | 'hold'

/** A connection through the proxy: what the client sends goes there, what it gets comes back. */
interface Pair {
  readonly client: Socket
  readonly server: Socket
}

/**
 * Stands between the gateway and a service as the network does. Nothing is ever lost from a connection that lives on,
 * as TCP has it: held bytes arrive when the link heals.
 */
export class FaultProxy {
  private readonly pairs = new Set<Pair>()
  private readonly held = new Set<Direction>()
  private delayMs = 0
  /** Looks on, where somebody does. */
  tap: Tap = () => 'pass'

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** Opens a way to a port of this machine. */
  static async to(port: number): Promise<FaultProxy> {
    const server = createServer({ pauseOnConnect: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const proxy = new FaultProxy(server, (server.address() as AddressInfo).port)
    server.on('connection', (client) => proxy.join(client, connect(port, '127.0.0.1')))
    return proxy
  }

  /** Resets all connections. Gives their number. */
  cut(): number {
    const cut = this.pairs.size
    for (const { client, server } of this.pairs) {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
    return cut
  }

  /** Every piece takes so much longer in each direction. */
  slow(delayMs: number): void {
    this.delayMs = delayMs
  }

  /** Nothing goes in these directions, on old connections and new ones. */
  hold(...directions: readonly Direction[]): void {
    for (const direction of directions) this.held.add(direction)
    for (const pair of this.pairs) this.regulate(pair)
  }

  /** As if nothing had been. */
  heal(): void {
    this.held.clear()
    this.delayMs = 0
    for (const pair of this.pairs) this.regulate(pair)
  }

  async close(): Promise<void> {
    const closed = new Promise<unknown>((resolve) => this.server.close(resolve))
    this.cut()
    await closed
  }

  private join(client: Socket, server: Socket): void {
    const pair = { client, server }
    this.pairs.add(pair)
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.pairs.delete(pair)
        client.destroy()
        server.destroy()
      })
    }
    this.carry(client, server, (bytes) => this.tap(bytes, 'there', client))
    this.carry(server, client, (bytes) => this.tap(bytes, 'back', client))
    this.regulate(pair)
  }

  private carry(from: Socket, to: Socket, seen: (bytes: Buffer) => 'pass' | 'hold'): void {
    from.on('data', (bytes: Buffer) => {
      if (seen(bytes) === 'pass') this.later(() => to.writable && to.write(bytes))
    })
    from.on('end', () => this.later(() => to.end()))
  }

  /** One delay for all pieces keeps their order. */
  private later(work: () => void): void {
    if (this.delayMs === 0) work()
    else setTimeout(work, this.delayMs)
  }

  private regulate({ client, server }: Pair): void {
    for (const [socket, direction] of [
      [client, 'there'],
      [server, 'back'],
    ] as const)
      if (this.held.has(direction)) socket.pause()
      else socket.resume()
  }
}
