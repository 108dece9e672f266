import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGitHost } from '../../adapters/git/git-host.ts'
import { createSnapshots } from '../../adapters/git/snapshots.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import { bubblewrap } from '../support/programs.ts'
import { createUpstream, userGit, type Upstream } from '../support/upstream.ts'

const tenant = 'default'
const text = { message: 'Fix the sum\n', at: 1_700_000_000 }
const FILES = {
  'src/sum.js': 'exports.sum = (a, b) => a - b\n',
  'tests/sum.test.js': 'check()\n',
  'README.md': 'Sums\n',
}

let root: string
let upstream: Upstream
let git: GitHost

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ocg-git-'))
  upstream = createUpstream(FILES)
  git = createGitHost({ directory: join(root, 'repositories'), repositories: [], fileRoots: [tmpdir()] })
})

afterEach(() => {
  upstream.remove()
  rmSync(root, { recursive: true, force: true })
})

const open = () => git.open({ repository: { url: upstream.url }, tenant })

/** Clones, lets `change` edit the workspace, and imports the snapshot of it. */
async function worked(change: (workspace: string) => void) {
  const { bare, base } = await open()
  const workspace = join(root, 'workspace')
  await git.checkout({ bare, commit: base, directory: workspace })
  change(workspace)
  const snapshots = createSnapshots({ sandbox: await bubblewrap() })
  const history = join(root, 'history')
  const take = (knownTree?: string) =>
    snapshots.take({ workspace, history, bare, base, text, ...(knownTree !== undefined && { knownTree }) })
  const snapshot = await take()
  if (snapshot.bundle) await git.importBundle({ bare, bundle: snapshot.bundle, commit: snapshot.commit })
  return { bare, base, workspace, snapshot, take }
}

const composed = (
  at: { bare: string; base: string; snapshot: { commit: string } },
  protectedPaths: string[] = [],
  defaults: string[] = [],
) => git.compose({ bare: at.bare, base: at.base, snapshot: at.snapshot.commit, protectedPaths, defaults, text })

describe('open', () => {
  test('resolves the default branch, a branch, a tag and a commit to the same commit', async () => {
    userGit(upstream.directory, 'tag', '-a', 'v1', '-m', 'one', 'main')
    for (const ref of [undefined, 'main', 'v1', upstream.head])
      expect((await git.open({ repository: { url: upstream.url, ref }, tenant })).base).toBe(upstream.head)
  })

  test('keeps to a base that was fixed before although the branch moved on', async () => {
    const { base } = await open()
    const next = userGit(upstream.directory, 'commit-tree', '-p', 'main', '-m', 'Next', 'main^{tree}')
    userGit(upstream.directory, 'update-ref', 'refs/heads/main', next)
    expect((await open()).base).toBe(next)
    expect((await git.open({ repository: { url: upstream.url }, tenant, base })).base).toBe(base)
  })

  test('gives work without a repository an empty base that is the same everywhere', async () => {
    const other = createGitHost({ directory: join(root, 'elsewhere'), repositories: [], fileRoots: [] })
    const { base, bare } = await git.open({ tenant })
    expect((await other.open({ tenant: 'other' })).base).toBe(base)
    expect(await git.listFiles({ bare, commit: base, limit: 10 })).toEqual([])
  })

  test('starts an upstream without commits from the empty base', async () => {
    const empty = join(root, 'empty.git')
    userGit(root, 'init', '--quiet', '--bare', empty)
    const opened = await git.open({ repository: { url: `file://${empty}` }, tenant })
    expect(opened.base).toBe((await git.open({ tenant })).base)
  })

  test.each([
    ['a repository that does not exist', (url: string) => ({ url: `${url}-nowhere` }), 'repository_not_found'],
    ['a branch that does not exist', (url: string) => ({ url, ref: 'nowhere' }), 'repository_not_found'],
    ['a commit that does not exist', (url: string) => ({ url, ref: '1'.repeat(40) }), 'repository_not_found'],
    ['an ext:: URL', () => ({ url: 'ext::sh -c touch% /tmp/owned' }), 'repository_not_allowed'],
    ['an option in place of a URL', () => ({ url: '--upload-pack=touch /tmp/owned' }), 'repository_not_allowed'],
    ['a file outside the allowed roots', () => ({ url: 'file:///etc' }), 'repository_not_allowed'],
    ['a host on the loopback', () => ({ url: 'https://127.0.0.1/a.git' }), 'repository_not_allowed'],
    ['a password in the URL', () => ({ url: 'https://user:secret@example.com/a.git' }), 'repository_not_allowed'],
  ])('refuses %s', async (_, repositoryOf, code) => {
    await expect(git.open({ repository: repositoryOf(upstream.url), tenant })).rejects.toMatchObject({ code })
  })

  test('says why in git’s words, without its advice to a person at a terminal', async () => {
    const opened = git.open({ repository: { url: `${upstream.url}-nowhere` }, tenant })
    await expect(opened).rejects.toThrow(/does not appear to be a git repository/)
    await expect(opened).rejects.not.toThrow(/Please make sure/)
  })

  test('lets 4 callers open the same repository at once', async () => {
    const opened = await Promise.all(Array.from({ length: 4 }, open))
    expect(new Set(opened.map(({ base }) => base))).toEqual(new Set([upstream.head]))
  })
})

describe('snapshot, compose and diff', () => {
  test('give a patch that git applies to another clone, binary files included', async () => {
    const bytes = Buffer.from([0, 1, 2, 255, 0, 10])
    const at = await worked((workspace) => {
      writeFileSync(join(workspace, 'src/sum.js'), 'exports.sum = (a, b) => a + b\n')
      writeFileSync(join(workspace, 'logo.bin'), bytes)
    })
    const { commit } = await composed(at)
    const change = { bare: at.bare, base: at.base, commit }
    expect(await git.diffStat(change)).toEqual({ files: 2, insertions: 1, deletions: 1 })
    const clone = join(root, 'clone')
    userGit(root, 'clone', '--quiet', upstream.directory, clone)
    writeFileSync(join(root, 'change.patch'), await git.patch(change))
    userGit(clone, 'apply', join(root, 'change.patch'))
    expect(readFileSync(join(clone, 'src/sum.js'), 'utf8')).toContain('a + b')
    expect(readFileSync(join(clone, 'logo.bin'))).toEqual(bytes)
  })

  test('have the same hash when they are repeated on another host', async () => {
    const edit = (workspace: string) => writeFileSync(join(workspace, 'src/sum.js'), 'fixed\n')
    const first = await worked(edit)
    const commit = (await composed(first)).commit
    rmSync(root, { recursive: true, force: true })
    const second = await worked(edit)
    expect(second.snapshot.commit).toBe(first.snapshot.commit)
    expect((await composed(second)).commit).toBe(commit)
  })

  test('carry no bundle when nothing changed since the known tree', async () => {
    const unchanged = await worked(() => undefined)
    expect(unchanged.snapshot.bundle).toBeUndefined()
    writeFileSync(join(unchanged.workspace, 'new.txt'), 'new')
    const changed = await unchanged.take(unchanged.snapshot.tree)
    expect(changed.bundle).toBeDefined()
    expect((await unchanged.take(changed.tree)).bundle).toBeUndefined()
  })

  test('leave ignored files out', async () => {
    const at = await worked((workspace) => {
      writeFileSync(join(workspace, '.gitignore'), 'out/\n*.log\n')
      writeFileSync(join(workspace, 'debug.log'), 'noise')
    })
    expect(await git.listFiles({ bare: at.bare, commit: at.snapshot.commit, limit: 50 })).toEqual([
      '.gitignore',
      ...Object.keys(FILES).toSorted(),
    ])
  })

  test('do not see what the workspace commits to its own .git', async () => {
    const at = await worked((workspace) => {
      userGit(workspace, 'rm', '--quiet', '--cached', 'README.md')
      userGit(workspace, 'commit', '--quiet', '-m', 'Forget the readme')
    })
    expect(at.snapshot.bundle).toBeUndefined()
  })

  test('deliver the base itself when nothing changed', async () => {
    const at = await worked(() => undefined)
    expect(await composed({ ...at, snapshot: { commit: at.base } })).toMatchObject({ commit: at.base })
  })
})

describe('protected paths', () => {
  const cheat = (workspace: string) => {
    writeFileSync(join(workspace, 'tests/sum.test.js'), 'pass()\n')
    writeFileSync(join(workspace, 'tests/extra.test.js'), 'pass()\n')
    writeFileSync(join(workspace, 'src/sum.js'), 'fixed\n')
  }
  const delivered = async (protectedPaths: string[], defaults: string[], change = cheat) => {
    const at = await worked(change)
    const { commit } = await composed(at, protectedPaths, defaults)
    const paths = ['tests/sum.test.js', 'tests/extra.test.js', 'src/sum.js']
    const files = await git.readFiles({ bare: at.bare, commit, paths, maxBytes: 100 })
    const [test, extra, source] = paths.map((wanted) => {
      const file = files.find(({ path }) => path === wanted)
      return file && Buffer.from(file.content).toString('utf8')
    })
    return { test, extra, source }
  }
  const restored = { test: FILES['tests/sum.test.js'], source: 'fixed\n' }

  test.each([['tests'], ['tests/'], ['tests/**'], ['**/tests'], ['./tests']])(
    '%s is put back, and files added below it are removed',
    async (pattern) => {
      expect(await delivered([pattern], [])).toEqual({ ...restored, extra: undefined })
    },
  )

  test('named by default are put back, and files added below them stay', async () => {
    expect(await delivered([], ['**/tests/**'])).toEqual({ ...restored, extra: 'pass()\n' })
  })

  test('are put back when the directory was replaced by a file or a link', async () => {
    const replaced = (workspace: string) => {
      rmSync(join(workspace, 'tests'), { recursive: true })
      writeFileSync(join(workspace, 'tests'), 'a file now')
      writeFileSync(join(workspace, 'src/sum.js'), 'fixed\n')
    }
    expect(await delivered(['tests'], [], replaced)).toEqual({ ...restored, extra: undefined })
  })
})

describe('push', () => {
  const branch = 'openclaw/task-1'
  const delivery = async () => {
    const at = await worked((workspace) => writeFileSync(join(workspace, 'src/sum.js'), 'fixed\n'))
    return { ...at, commit: (await composed(at)).commit }
  }
  const push = ({ bare, commit }: { bare: string; commit: string }) =>
    git.push({ bare, repository: { url: upstream.url }, tenant, commit, branch })

  test('repeated 3 times updates the branch once', async () => {
    const at = await delivery()
    for (let times = 0; times < 3; times++) await push(at)
    expect(upstream.updates()).toEqual([`${'0'.repeat(40)} ${at.commit} refs/heads/${branch}`])
  })

  test('done twice at once updates the branch once', async () => {
    const at = await delivery()
    await Promise.all([push(at), push(at)])
    expect(upstream.updates()).toHaveLength(1)
  })

  test('that meets a locked ref may be tried again, and updates the branch once', async () => {
    const at = await delivery()
    const lock = join(upstream.directory, `refs/heads/${branch}.lock`)
    mkdirSync(dirname(lock), { recursive: true })
    writeFileSync(lock, '')
    await expect(push(at)).rejects.toMatchObject({ code: 'repository_unreachable', retryable: true })
    rmSync(lock)
    await push(at)
    expect(upstream.updates()).toHaveLength(1)
  })

  test('refuses a branch that somebody else moved', async () => {
    const at = await delivery()
    userGit(upstream.directory, 'update-ref', `refs/heads/${branch}`, at.base)
    await expect(push(at)).rejects.toMatchObject({ code: 'conflict' })
    expect(upstream.updates()).toEqual([])
  })
})
