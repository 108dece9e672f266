import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { testEscapes, type Escape, type Scene } from '../support/escapes.ts'
import { bubblewrap } from '../support/programs.ts'
import { ran, temporaryFolder } from '../support/sandboxed.ts'

/** What every service of this file says to whoever reaches it. */
const GREETING = 'hello from the host'
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1')
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address

const servers: Server[] = []
const datagrams = createSocket('udp4')
const environment: Record<string, string> = { GREETING }
let received = 0
let hands: ChildProcess | undefined

async function greet(where: { host?: string; path?: string }): Promise<string> {
  const server = createServer((socket) => {
    received++
    socket.on('error', () => undefined)
    socket.end(GREETING)
  })
  server.listen(where.path === undefined ? { ...where, port: 0 } : where)
  await once(server, 'listening')
  servers.push(server)
  const address = server.address()
  return typeof address === 'object' && address !== null ? String(address.port) : ''
}

/** Hands an open file to whoever connects: a process of its own, since Node cannot. */
async function handOut(): Promise<void> {
  const program = `
import os, socket, sys, threading
path, secret = sys.argv[1:]
file = os.memfd_create("secret")
os.write(file, secret.encode())
def serve(server):
    while True:
        client, _ = server.accept()
        os.lseek(file, 0, 0)
        socket.send_fds(client, [b"x"], [file])
        client.close()
servers = []
for address in (path, "\\0" + path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    threading.Thread(target=serve, args=[server]).start()
print("ready", flush=True)`
  hands = spawn('python3', ['-c', program, environment['HANDS'] ?? '', GREETING], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(hands.stdout ?? hands, 'data')
}

beforeAll(async () => {
  environment['PORT'] = await greet({ host: '127.0.0.1' })
  if (ownAddress !== undefined) environment['OWN_PORT'] = await greet({ host: ownAddress })
  environment['OWN_ADDRESS'] = ownAddress ?? ''
  if (hasIpv6) environment['PORT6'] = await greet({ host: '::1' })
  environment['ABSTRACT'] = `ocg-test-${process.pid}`
  await greet({ path: `\0${environment['ABSTRACT']}` })
  environment['SOCKET'] = join('/tmp', `ocg-test-${process.pid}.sock`)
  await greet({ path: environment['SOCKET'] })
  environment['HANDS'] = join('/tmp', `ocg-test-${process.pid}-hands.sock`)
  await handOut()
  datagrams.on('message', (_, { port, address }) => {
    received++
    datagrams.send(GREETING, port, address)
  })
  datagrams.bind(0, '127.0.0.1')
  await once(datagrams, 'listening')
  environment['UDP_PORT'] = String(datagrams.address().port)
  const database = new URL(inject('postgresUrl'))
  environment['DATABASE_PORT'] = database.port
})

afterAll(() => {
  for (const server of servers) server.close()
  datagrams.close()
  hands?.kill('SIGKILL')
  rmSync(environment['HANDS'] ?? '', { force: true })
})

const scene = (): Scene => ({ workspace: temporaryFolder(), environment })

/** Connects with node: `connect` takes what `net.connect` does. */
const connecting = (connect: string): string =>
  `node -e 'const e = process.env; require("net").connect(${connect}).on("error", () => {}).on("data", d => console.log(String(d) === e.GREETING ? "escaped" : "other"))'`
/** Sends a datagram and waits a moment for the answer. */
const sending = `node -e 'const s = require("dgram").createSocket("udp4"); s.on("error", () => process.exit()); s.on("message", () => { console.log("escaped"); process.exit() }); s.send("x", +process.env.UDP_PORT, "127.0.0.1", () => setTimeout(() => process.exit(), 500))'`

/** Takes an open file of the host that somebody hands out at a socket. */
const taking = (address: string): string => `python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX)
s.connect(${address})
_, files, _, _ = socket.recv_fds(s, 1, 1)
print("escaped" if os.read(files[0], 100).decode() == os.environ["GREETING"] else "other")'`
/** Asks the kernel for every TCP socket and looks for the port of one. */
const ASKING_FOR_SOCKETS = `python3 -c '
import os, socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
s.settimeout(2)
query = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xffffffff) + bytes(48)
s.send(struct.pack("=IHHII", 16 + len(query), 20, 0x301, 1, 0) + query)
port = struct.pack("!H", int(os.environ["PORT"]))
while True:
    data = s.recv(65536)
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if kind in (2, 3): raise SystemExit
        if data[at + 20:at + 22] == port: print("escaped")
        at += (length + 3) & ~3'`

/** Subscribes to what the kernel tells of every process that starts or ends, and starts one. */
const HEARING_OF_PROCESSES = `python3 -c '
import os, socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11)
s.settimeout(2)
s.bind((0, 1))
s.send(struct.pack("=IHHII", 40, 3, 0, 0, 0) + struct.pack("=IIIIHHI", 1, 1, 0, 0, 4, 0, 1))
os.system("true")
while len(s.recv(4096)) < 60: pass
print("escaped")'`

const ESCAPES: readonly Escape[] = [
  {
    name: 'a service on the loopback by bash’s own connection',
    script: 'read -r line < "/dev/tcp/127.0.0.1/$PORT"; [ "$line" = "$GREETING" ] && echo escaped',
    outside: 'anybody',
  },
  { name: 'a service on the loopback', script: connecting('+e.PORT, "127.0.0.1"'), outside: 'anybody' },
  { name: 'a service on the loopback by name', script: connecting('+e.PORT, "localhost"'), outside: 'anybody' },
  { name: 'a service at 0.0.0.0', script: connecting('+e.PORT, "0.0.0.0"'), outside: 'anybody' },
  ...(hasIpv6
    ? [
        {
          name: 'a service on the loopback by IPv6',
          script: connecting('+e.PORT6, "::1"'),
          outside: 'anybody' as const,
        },
      ]
    : []),
  ...(ownAddress === undefined
    ? []
    : [
        {
          name: 'the host by its address',
          script: connecting('+e.OWN_PORT, e.OWN_ADDRESS'),
          outside: 'anybody' as const,
        },
      ]),
  { name: 'a unix socket with a path', script: connecting('e.SOCKET'), outside: 'anybody' },
  { name: 'an abstract unix socket', script: connecting('"\\0" + e.ABSTRACT'), outside: 'anybody' },
  {
    name: 'an open file handed out at a socket with a path',
    script: taking('os.environ["HANDS"]'),
    outside: 'anybody',
  },
  {
    name: 'an open file handed out at an abstract socket',
    script: taking('"\\0" + os.environ["HANDS"]'),
    outside: 'anybody',
  },
  { name: 'the sockets of the host by netlink', script: ASKING_FOR_SOCKETS, outside: 'anybody' },
  {
    name: 'the interfaces of the host by netlink',
    script: `python3 -c 'import socket; print([name for _, name in socket.if_nameindex() if name != "lo"] and "escaped")'`,
    outside: ownAddress === undefined ? 'nobody' : 'anybody',
  },
  {
    name: 'the news of the kernel about processes',
    script: HEARING_OF_PROCESSES,
    outside: 'root',
  },
  {
    name: 'the log of what the kernel audits',
    script: `python3 -c 'import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9).bind((0, 1)); print("escaped")'`,
    outside: 'nobody',
  },
  { name: 'a service that takes datagrams', script: sending, outside: 'anybody' },
  {
    name: 'the gateway’s own database',
    script: 'exec 3<> "/dev/tcp/127.0.0.1/$DATABASE_PORT" && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'name servers: none is known',
    script: 'grep -q "^nameserver" /etc/resolv.conf && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'the metadata service of a cloud',
    script: 'timeout 3 bash -c "exec 3<> /dev/tcp/169.254.169.254/80" && echo escaped',
    outside: 'nobody',
  },
  {
    name: 'any interface but a loopback of its own',
    script: 'grep -v -e lo: -e "|" /proc/net/dev | grep -q . && echo escaped',
    outside: 'anybody',
  },
  { name: 'any route', script: 'tail -n +2 /proc/net/route | grep -q . && echo escaped', outside: 'anybody' },
  {
    name: 'what the host listens on',
    script: 'grep -qi ":$(printf %04X "$PORT") " /proc/net/tcp && echo escaped',
    outside: 'anybody',
  },
]

describe('a command cannot reach', () => {
  afterEach(() => void (received = 0))
  testEscapes(ESCAPES, scene)
})

describe('within the sandbox', () => {
  test('programs still talk to one another', async () => {
    const server = 'require("net").createServer(s => s.end("inner")).listen(4000, "127.0.0.1")'
    const script = `node -e '${server}' & for try in $(seq 200); do read -r line < /dev/tcp/127.0.0.1/4000 && break; sleep 0.02; done 2> /dev/null; echo "$line"`
    expect((await ran(await bubblewrap(), script)).stdout).toBe('inner\n')
  })

  test('two commands at once do not share a port, nor see one another’s', async () => {
    const sandbox = await bubblewrap()
    const script = `node -e 'require("net").createServer().listen(4001, "127.0.0.1", () => { console.log("mine"); setTimeout(process.exit, 300) })'`
    const both = await Promise.all([ran(sandbox, script), ran(sandbox, script)])
    expect(both.map(({ stdout }) => stdout)).toEqual(['mine\n', 'mine\n'])
  })

  test('nothing of the attempts arrives at the host', async () => {
    received = 0
    const sandbox = await bubblewrap()
    const scripts = [connecting('+e.PORT, "127.0.0.1"'), connecting('e.SOCKET'), sending]
    await Promise.all(scripts.map((script) => ran(sandbox, script, scene())))
    expect(received).toBe(0)
  })
})
