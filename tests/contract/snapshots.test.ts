import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGitHost } from '../../adapters/git/git-host.ts'
import { createSnapshots } from '../../adapters/git/snapshots.ts'
import { bubblewrap } from '../support/programs.ts'
import { createUpstream, userGit, type Upstream } from '../support/upstream.ts'

const SUBMODULE = '1'.repeat(40)

let root: string
let upstream: Upstream
let workspace: string
let history: string
/** Takes a snapshot and gives its tree, as lines of `<mode> <path>`. */
let recorded: () => Promise<readonly string[]>

/** A clone of a repository that holds a file and, as `vendor`, a submodule. */
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'ocg-snapshots-'))
  workspace = join(root, 'workspace')
  history = join(root, 'history')
  upstream = createUpstream({ 'src/sum.js': 'a - b\n' })
  userGit(upstream.directory, 'read-tree', 'main')
  userGit(upstream.directory, 'update-index', '--add', '--cacheinfo', `160000,${SUBMODULE},vendor`)
  const withSubmodule = userGit(upstream.directory, 'write-tree')
  const commit = userGit(upstream.directory, 'commit-tree', withSubmodule, '-p', 'main', '-m', 'Add a submodule')
  userGit(upstream.directory, 'update-ref', 'refs/heads/main', commit)
  const git = createGitHost({ directory: join(root, 'repositories'), repositories: [], fileRoots: [tmpdir()] })
  const { bare, base } = await git.open({ repository: { url: upstream.url }, tenant: 'default' })
  await git.checkout({ bare, commit: base, directory: workspace })
  const snapshots = createSnapshots({ sandbox: await bubblewrap() })
  recorded = async () => {
    const { bundle, ...snapshot } = await snapshots.take({
      workspace,
      history,
      bare,
      base,
      text: { message: 'x', at: 0 },
    })
    if (bundle) await git.importBundle({ bare, bundle, commit: snapshot.commit })
    const entries = userGit(bare, 'ls-tree', '-r', snapshot.tree).split('\n')
    return entries.map((entry) => entry.replace(/ \w+ \w+\t/, ' '))
  }
})

afterEach(() => {
  upstream.remove()
  rmSync(root, { recursive: true, force: true })
})

const write = (path: string, text = 'text\n') => {
  mkdirSync(join(workspace, path, '..'), { recursive: true })
  writeFileSync(join(workspace, path), text)
}

/** A repository with one commit of one file, and a monitor that leaves a trace when git looks into it. */
function repositoryAt(path: string): void {
  write(join(path, 'main.js'))
  const directory = join(workspace, path)
  userGit(directory, 'init', '--quiet', '--template=')
  userGit(directory, 'add', 'main.js')
  userGit(directory, 'commit', '--quiet', '-m', 'Nested')
  userGit(directory, 'config', 'core.fsmonitor', 'touch /history/trace; false')
}

const UNCHANGED = ['100644 src/sum.js', '160000 vendor']

describe('a repository inside the workspace is recorded as the files it holds', () => {
  test.each([
    ['in a new folder', 'app', ['100644 app/main.js', ...UNCHANGED]],
    ['in a folder of the base', 'src', ['100644 src/main.js', ...UNCHANGED]],
    ['in place of a file', 'src/sum.js', ['100644 src/sum.js/main.js', '160000 vendor']],
    ['under a name with a line break', 'a\nb/app', ['100644 "a\\nb/app/main.js"', ...UNCHANGED]],
  ])('%s', async (_, path, expected) => {
    if (path === 'src/sum.js') rmSync(join(workspace, path))
    repositoryAt(path)
    expect(await recorded()).toEqual(expected)
    expect(await recorded()).toEqual(expected)
    expect(existsSync(join(history, 'trace'))).toBe(false)
  })

  test('within another one', async () => {
    repositoryAt('app')
    repositoryAt('app/deep/library')
    expect(await recorded()).toEqual(['100644 app/deep/library/main.js', '100644 app/main.js', ...UNCHANGED])
  })

  test('unless its folder is ignored', async () => {
    write('.gitignore', 'build/\n')
    repositoryAt('build/checkouts/library')
    expect(await recorded()).toEqual(['100644 .gitignore', ...UNCHANGED])
  })
})

describe('a submodule of the base', () => {
  test('stays at its commit when the agent made a repository of its folder', async () => {
    repositoryAt('vendor')
    repositoryAt('vendor/deep')
    expect(await recorded()).toEqual(UNCHANGED)
    expect(await recorded()).toEqual(UNCHANGED)
    expect(existsSync(join(history, 'trace'))).toBe(false)
  })

  test('is gone when its folder is gone, and there again when the folder is', async () => {
    rmSync(join(workspace, 'vendor'), { recursive: true })
    expect(await recorded()).toEqual(['100644 src/sum.js'])
    mkdirSync(join(workspace, 'vendor'))
    expect(await recorded()).toEqual(UNCHANGED)
  })

  test('gives way to a file of its name', async () => {
    rmSync(join(workspace, 'vendor'), { recursive: true })
    write('vendor')
    expect(await recorded()).toEqual(['100644 src/sum.js', '100644 vendor'])
  })
})

test('locks of a snapshot that was killed do not stop the next one', async () => {
  expect(await recorded()).toEqual(UNCHANGED)
  for (const lock of ['index.lock', 'HEAD.lock', 'refs/heads/snapshot.lock']) writeFileSync(join(history, lock), '')
  write('src/new.js')
  expect(await recorded()).toEqual(['100644 src/new.js', ...UNCHANGED])
})

test('the first snapshot copies no file that is as in the base', async () => {
  // Git does not trust the time of a file that changed in the second its index was written.
  utimesSync(join(workspace, 'src/sum.js'), new Date(0), new Date(0))
  await recorded()
  expect(userGit(history, '--git-dir=.', 'cat-file', '--batch-check', '--batch-all-objects')).not.toContain('blob')
})
