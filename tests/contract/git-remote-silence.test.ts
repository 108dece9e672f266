import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createGitHost } from '../../adapters/git/git-host.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import { startForgeSimulator } from '../../simulators/forge/server.ts'
import { startSilentServer, type SilentServer } from '../support/silent-server.ts'
import { createUpstream, type Upstream } from '../support/upstream.ts'

const tenant = 'default'
const SILENCE_MS = 2_000

let root: string
let silent: SilentServer
let upstream: Upstream

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'ocg-silence-'))
  upstream = createUpstream({ 'a.txt': 'a\n' })
  silent = await startSilentServer()
})
afterEach(async () => {
  await silent.close()
  upstream.remove()
  rmSync(root, { recursive: true, force: true })
})

const hostFor = (url: string, credentialFile?: string): GitHost =>
  createGitHost({
    ...{ directory: join(root, 'repositories'), fileRoots: [tmpdir()], silenceMs: SILENCE_MS },
    repositories: [{ name: 'app', url, ...(credentialFile !== undefined && { credentialFile }) }],
  })

const repository = { url: 'app' }
const unreachable = (url: string) => ({
  code: 'repository_unreachable',
  retryable: true,
  message: expect.stringMatching(new RegExp(`^The repository ${url} cannot be reached .*host is up.*retry the task`)),
})

describe.each(['http', 'https', 'ssh'] as const)('a remote that says nothing to %s', (scheme) => {
  const address = () => silent.url.replace('http', scheme)

  test.each([
    ['a clone of its default branch', {}],
    ['a clone of a commit', { base: '1'.repeat(40) }],
  ])('is given up by %s', { timeout: 20_000 }, async (_, wanted) => {
    const opened = hostFor(address()).open({ repository, tenant, ...wanted })
    await expect(opened).rejects.toMatchObject(unreachable(address()))
    expect(silent.clients()).toEqual([])
  })

  test('is given up by a push', { timeout: 20_000 }, async () => {
    const git = hostFor(address())
    const { bare } = await git.open({ repository: { url: upstream.url }, tenant })
    const pushed = git.push({ bare, repository, tenant, commit: upstream.head, branch: 'openclaw/task-1' })
    await expect(pushed).rejects.toMatchObject(unreachable(address()))
    expect(silent.clients()).toEqual([])
  })
})

/** The address of a server behind a line that goes dead for good as soon as a client says these words. */
async function mutedAt(port: number, words: string): Promise<string> {
  const sockets: Socket[] = []
  let isMute = false
  const line = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    sockets.push(
      client.on('error', () => undefined),
      server.on('error', () => undefined),
    )
    client.on('data', (bytes) => {
      isMute ||= bytes.includes(words)
      if (!isMute) server.write(bytes)
    })
    server.on('data', (bytes) => !isMute && client.write(bytes))
    server.on('close', () => !isMute && client.end())
  })
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => line.close(resolve))
  })
  return `http://127.0.0.1:${(line.address() as AddressInfo).port}`
}

describe('a remote that falls silent in the middle', () => {
  const overMutedLine = async (words: string) => {
    const forge = await startForgeSimulator()
    onTestFinished(() => forge.close())
    forge.createRepository('app', upstream.directory)
    const credentialFile = join(root, 'token')
    writeFileSync(credentialFile, forge.token)
    const url = forge.cloneUrl('app').replace(forge.url, await mutedAt(forge.port, words))
    return { git: hostFor(url, credentialFile), url }
  }

  test('of a clone is given up', { timeout: 20_000 }, async () => {
    const { git, url } = await overMutedLine('command=fetch')
    await expect(git.open({ repository, tenant })).rejects.toMatchObject(unreachable(url))
  })

  test('of a push is given up', { timeout: 20_000 }, async () => {
    const { git, url } = await overMutedLine('POST /acme/app.git/git-receive-pack')
    const { bare } = await git.open({ repository, tenant })
    const pushed = git.push({ bare, repository, tenant, commit: upstream.head, branch: 'openclaw/task-1' })
    await expect(pushed).rejects.toMatchObject(unreachable(url))
  })
})
