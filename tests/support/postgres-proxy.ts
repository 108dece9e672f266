import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Stands between a store and its database; the database cannot tell it from a network. */
export interface PostgresProxy {
  readonly url: string
  /** Parameters of the last connection, as the client sent them. */
  startup(): Readonly<Record<string, string>>
  /** After the next packet with these words, what the client sends arrives nowhere any more. */
  freezeAfter(words: string): void
  close(): Promise<void>
}

/** The startup packet begins with its length and the version of the protocol, four bytes each. */
const HEADER_BYTES = 8

export async function startPostgresProxy(databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let startup: Record<string, string> = {}
  let freezing: string | undefined
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    let isFirst = true
    let isFrozen = false
    client.on('data', (bytes) => {
      if (isFirst) startup = pairsOf(bytes.subarray(HEADER_BYTES))
      isFirst = false
      if (!isFrozen) upstream.write(bytes)
      if (freezing !== undefined && bytes.includes(freezing)) {
        isFrozen = true
        freezing = undefined
      }
    })
    upstream.pipe(client)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => [client, upstream].forEach((either) => either.destroy()))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    startup: () => startup,
    freezeAfter: (words) => void (freezing = words),
    async close() {
      const closed = new Promise<unknown>((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Names and values follow each other, each ended by NUL. */
function pairsOf(bytes: Buffer): Record<string, string> {
  const words = bytes.toString('utf8').split('\0')
  return Object.fromEntries(words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] ?? '']] : [])))
}
