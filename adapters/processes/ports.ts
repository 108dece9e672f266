import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'

/** Whether a port of the address can be listened on. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** The usual port, or the next free one after it. */
export async function freePort(usual: number, host: string): Promise<number> {
  for (let port = usual; port < usual + 200; port++) if (await isFree(port, host)) return port
  return anyPort(host)
}

/** Below what systems give to outgoing connections, which would take a port between the look and the listening. */
const OWN_PORTS = { first: 20_000, count: 10_000 }

/** Some free port. */
export async function anyPort(host: string): Promise<number> {
  for (;;) {
    const port = OWN_PORTS.first + Math.floor(Math.random() * OWN_PORTS.count)
    if (await isFree(port, host)) return port
  }
}

/** The process that listens on a port, as far as this user may know. */
export function listenerOf(port: number): number | undefined {
  return process.platform === 'linux' ? pidOnLinux(port) : pidByLsof(port)
}

/** Who listens on a port, in words: `node (pid 4711)`. */
export function holderOf(port: number): string | undefined {
  const pid = listenerOf(port)
  return pid === undefined ? undefined : `${nameOf(pid)} (pid ${pid})`
}

function pidOnLinux(port: number): number | undefined {
  const sockets = new Set(['tcp', 'tcp6'].flatMap((table) => listeningSockets(table, port)))
  if (sockets.size === 0) return undefined
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => openFiles(pid).some((file) => sockets.has(file)))
}

/** Rows in state 0A (listen) with the port, as `socket:[inode]`. */
function listeningSockets(table: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return quietly(() => readFileSync(`/proc/net/${table}`, 'utf8'), '')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '0A' && local?.endsWith(`:${hex}`))
    .map((fields) => `socket:[${fields[9]}]`)
}

function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`
  return quietly(() => readdirSync(folder), []).map((name) => quietly(() => readlinkSync(`${folder}/${name}`), ''))
}

function pidByLsof(port: number): number | undefined {
  const args = ['-nP', '-t', `-iTCP:${port}`, '-sTCP:LISTEN']
  const pid = Number(quietly(() => execFileSync('lsof', args, { encoding: 'utf8' }), '').split('\n')[0])
  return pid > 0 ? pid : undefined
}

const nameOf = (pid: number): string =>
  quietly(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), '') ||
  quietly(() => execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' }).trim(), '') ||
  'a process'

/** What may not be looked at is as good as absent here: the answer only makes a message better. */
function quietly<T>(look: () => T, otherwise: T): T {
  try {
    return look()
  } catch {
    return otherwise
  }
}
