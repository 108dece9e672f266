import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createForge } from '../../adapters/forge/rest-forge.ts'
import { createRepositoryPolicy } from '../../adapters/git/repository-policy.ts'
import { GatewayError } from '../../domain/errors.ts'
import { knownRepositoriesSchema } from '../../domain/schemas/known-repositories.ts'
import { FAULTS, type Fault } from '../../simulators/forge/faults.ts'
import type { ForgeKind } from '../../simulators/forge/problems.ts'
import { startForgeSimulator, type ForgeSimulator } from '../../simulators/forge/server.ts'
import { userGit } from '../support/upstream.ts'

const tenant = 'default'
const branch = 'openclaw/task-1'
const text = { title: 'Fix the sum', body: 'It adds now.\n' }

let source: string

/** What the forge's repository is a copy of: `main`, the branch of a task, and `release`. */
beforeAll(() => {
  source = mkdtempSync(join(tmpdir(), 'ocg-source-'))
  const commit = (message: string) => userGit(source, 'commit', '--quiet', '--allow-empty', '-m', message)
  userGit(source, 'init', '--quiet', '--initial-branch=main')
  commit('Start')
  userGit(source, 'branch', 'release')
  userGit(source, 'checkout', '--quiet', '-b', branch)
  commit('Fix the sum')
  userGit(source, 'checkout', '--quiet', 'main')
})

afterAll(() => rmSync(source, { recursive: true, force: true }))

interface StageOptions {
  /** What stands in the credential file; the forge's token without it. */
  readonly credential?: string
  readonly ref?: string
  readonly head?: string
}

/** A forge, a repository of it, and the adapter for that repository. */
async function stage(kind: ForgeKind, { credential, ref, head = branch }: StageOptions = {}) {
  const simulator = await startForgeSimulator({ kind })
  const root = mkdtempSync(join(tmpdir(), 'ocg-forge-'))
  onTestFinished(async () => {
    await simulator.close()
    rmSync(root, { recursive: true, force: true })
  })
  const remote = simulator.createRepository('shop', source)
  const url = simulator.cloneUrl('shop')
  const credentialFile = join(root, 'token')
  writeFileSync(credentialFile, credential ?? `${simulator.token}\n`)
  const entry = { name: 'shop', url, credentialFile, ...(ref !== undefined && { ref }) }
  const plain = { name: 'plain', url: 'https://git.example.com/acme/plain.git' }
  const file = [{ ...entry, forge: { type: kind, apiUrl: `${simulator.apiUrl}/` } }, plain]
  const repositories = knownRepositoriesSchema.parse(file)
  const forge = createForge(createRepositoryPolicy({ repositories, fileRoots: [] }))
  const ask = (signal?: AbortSignal) =>
    forge.pullRequestFor({ repository: { url }, tenant, branch: head, text, ...(signal && { signal }) })
  return { simulator, remote, forge, ask, url }
}

/** How a call failed. */
async function failure(call: Promise<unknown>): Promise<GatewayError> {
  const error = await call.then(
    () => new Error('It did not fail.'),
    (reason: unknown) => reason,
  )
  if (error instanceof GatewayError) return error
  throw error
}

const created = ({ ledger }: ForgeSimulator) => ledger.of('create').map(({ status }) => status)

describe.each(['github', 'gitea'] as const)('a forge of type %s', (kind) => {
  test('opens a pull request to the default branch, and gives its page and number', async () => {
    const { simulator, remote, ask } = await stage(kind)
    const { url, number } = await ask()
    expect(url).toBe(`${simulator.url}/acme/shop/${kind === 'github' ? 'pull' : 'pulls'}/1`)
    expect(number).toBe(1)
    expect(remote.pulls).toEqual([
      expect.objectContaining({ ...text, head: branch, base: 'main', sha: remote.commitOf(branch), state: 'open' }),
    ])
  })

  test('opens it to the ref of the repository, when there is one', async () => {
    const { remote, ask, simulator } = await stage(kind, { ref: 'refs/heads/release' })
    await ask()
    expect(remote.pulls.map(({ base }) => base)).toEqual(['release'])
    expect(simulator.ledger.of('repository')).toEqual([])
  })

  test('gives the one that is there, and asks for no second one', async () => {
    const { simulator, ask } = await stage(kind)
    const first = await ask()
    expect(await ask()).toEqual(first)
    expect(created(simulator)).toEqual([201])
  })

  test.each([
    ['closed', false],
    ['merged', true],
  ])('leaves one alone that a person has %s', async (_, merged) => {
    const { remote, ask } = await stage(kind)
    const first = await ask()
    remote.close(first.number, { merged })
    expect(await ask()).toEqual(first)
    expect(remote.pulls).toHaveLength(1)
  })

  test.each(FAULTS.filter((fault) => fault.endsWith('-after') && fault !== 'hang-after'))(
    'finds the one whose answer was lost by %s',
    async (fault) => {
      const { simulator, remote, ask } = await stage(kind)
      simulator.failNext(fault, { operation: 'create' })
      expect(await failure(ask())).toMatchObject({ code: 'forge_unreachable', retryable: true })
      expect(await ask()).toMatchObject({ number: 1 })
      expect([remote.pulls.length, created(simulator).length]).toEqual([1, 1])
    },
  )

  test('asked eight times at once opens one', async () => {
    const { remote, ask } = await stage(kind)
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask()))
    expect(new Set(answers.map(({ number }) => number))).toEqual(new Set([1]))
    expect(remote.pulls).toHaveLength(1)
  })

  test('is not asked about a branch of another name', async () => {
    const { remote, ask } = await stage(kind)
    const sha = remote.commitOf(branch) ?? ''
    remote.open({ ...text, head: 'openclaw/task-2', base: 'main', sha })
    expect(await ask()).toMatchObject({ number: 2 })
  })

  test('ends with the signal, even when it does not answer', async () => {
    const { simulator, ask } = await stage(kind)
    simulator.failNext('hang-after', { operation: 'create' })
    const ending = new AbortController()
    const asked = ask(ending.signal)
    await expect.poll(() => simulator.ledger.of('create').length).toBe(1)
    ending.abort(new Error('the seat ended'))
    await expect(asked).rejects.toThrow('the seat ended')
  })

  test('takes the token from a file that holds user:password', async () => {
    const { ask } = await stage(kind, { credential: `somebody:ghp_simulatedTokenOfTheForge00000000000` })
    expect(await ask()).toMatchObject({ number: 1 })
  })

  test('sends nothing the forge does not know', async () => {
    const { simulator, ask } = await stage(kind)
    await ask()
    expect(simulator.ledger.calls.flatMap(({ strays }) => strays ?? [])).toEqual([])
  })
})

describe.each(['github', 'gitea'] as const)('trouble with a forge of type %s', (kind) => {
  const cases: readonly (readonly [Fault, object])[] = [
    ['internal', { code: 'forge_unreachable', retryable: true }],
    ['bad-gateway', { code: 'forge_unreachable', retryable: true }],
    ['reset-before', { code: 'forge_unreachable', retryable: true }],
    ['rate-limited', { code: 'forge_unreachable', retryable: true, retryAfterMs: 1_000 }],
    ['secondary-limit', { code: 'forge_unreachable', retryable: true, retryAfterMs: 1_000 }],
    // An hour is longer than a seat should wait.
    ['primary-limit', { code: 'forge_unreachable', retryable: false }],
  ]
  test.each(cases)('%s is told as %j', async (fault, expected) => {
    const { simulator, ask } = await stage(kind)
    for (const operation of ['repository', 'find', 'create'] as const) {
      simulator.failNext(fault, { operation })
      expect(await failure(ask())).toMatchObject(expected)
    }
    expect(await ask()).toMatchObject({ number: 1 })
  })

  test('a wrong token is told with what to do, and never named', async () => {
    const { ask } = await stage(kind, { credential: 'ghp_wrong' })
    const error = await failure(ask())
    expect(error).toMatchObject({ code: 'forge_refused', retryable: false })
    expect(error.message).toMatch(/answered 401 for acme\/shop \(.+\)\. Put a valid token into the credentialFile/)
    expect(error.message).not.toContain('ghp_wrong')
  })

  test.each(['', 'two words\nand a line'])(
    'a credential file with %j is refused before anything is sent',
    async (credential) => {
      const { simulator, ask } = await stage(kind, { credential })
      const before = simulator.ledger.calls.length
      const error = await failure(ask())
      expect(error.message).toContain('The credential file of the known repository shop holds no token.')
      expect(error.message).not.toContain('words')
      expect(simulator.ledger.calls.length).toBe(before)
    },
  )

  test('a branch that was not pushed, or a ref that is no branch, is refused for good', async () => {
    for (const options of [{ head: 'openclaw/task-9' }, { ref: 'v1' }]) {
      const { ask } = await stage(kind, options)
      expect(await failure(ask())).toMatchObject({ code: 'forge_refused', retryable: false })
    }
  })

  test('a repository the forge does not have is refused for good', async () => {
    const { simulator, url } = await stage(kind)
    const repositories = knownRepositoriesSchema.parse([
      {
        ...{ name: 'gone', url: url.replace('shop', 'gone'), credentialFile: import.meta.filename },
        forge: { type: kind, apiUrl: simulator.apiUrl },
      },
    ])
    const forge = createForge(createRepositoryPolicy({ repositories, fileRoots: [] }))
    const error = await failure(forge.pullRequestFor({ repository: { url: 'gone' }, tenant, branch, text }))
    expect(error).toMatchObject({ code: 'forge_refused' })
  })
})

test('a forge that is not there is told with its cause', async () => {
  const { simulator, ask } = await stage('github')
  await simulator.close()
  const error = await failure(ask())
  expect(error).toMatchObject({ code: 'forge_unreachable', retryable: true })
  expect(error.message).toBe(`The forge at ${simulator.apiUrl} did not answer (ECONNREFUSED).`)
})

test('a repository without a forge has none', async () => {
  const { forge, url } = await stage('github')
  const served = ['shop', url, 'plain', 'https://github.com/acme/unknown'].map((one) =>
    forge.serves({ url: one, tenant }),
  )
  expect(served).toEqual([true, true, false, false])
})
