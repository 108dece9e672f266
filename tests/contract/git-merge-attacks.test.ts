import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGitHost } from '../../adapters/git/git-host.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import { bundleOf, ObjectForge, type RawEntry } from '../support/git-attacks/hostile-bundles.ts'
import { createUpstream, userGit, type Upstream } from '../support/upstream.ts'

/**
 * Sub-tasks are built by agents that may be hostile, and their commits are merged on the host. Whatever they hold:
 * nothing of it is executed, nothing is written but objects and refs of the host's own repository, and what cannot be
 * merged is told.
 */
const FILES = {
  'a.txt': 'one\ntwo\nthree\n',
  'folder/b.txt': 'one\n',
  '.gitattributes': '*.txt merge=evil diff=evil filter=evil\n',
}

let root: string
let upstream: Upstream
let git: GitHost
let place: { bare: string; base: string }

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'ocg-merge-attacks-'))
  upstream = createUpstream(FILES)
  git = createGitHost({ directory: join(root, 'repositories'), repositories: [], fileRoots: [tmpdir()] })
  place = await git.open({ repository: { url: upstream.url }, tenant: 'default' })
  mkdirSync(join(root, 'outside'))
})
afterEach(() => {
  upstream.remove()
  rmSync(root, { recursive: true, force: true })
})

/** A command that leaves a trace of having run. */
const trap = (): string => `touch '${join(root, 'outside', 'executed')}'`
const forge = (): ObjectForge => new ObjectForge(place.bare)

/** A commit on the base as an agent's work leaves it, whatever it does to the checkout. */
function commit(change: (work: string) => void): string {
  const work = mkdtempSync(join(root, 'work-'))
  userGit(work, 'clone', '--quiet', upstream.url, '.')
  change(work)
  userGit(work, 'add', '--all')
  userGit(work, 'commit', '--quiet', '--allow-empty', '-m', 'Change')
  const id = userGit(work, 'rev-parse', 'HEAD')
  userGit(work, 'push', '--quiet', place.bare, `HEAD:refs/parts/${id}`)
  rmSync(work, { recursive: true })
  return id
}

const write = (path: string, content: string) => (work: string) => {
  mkdirSync(dirname(join(work, path)), { recursive: true })
  writeFileSync(join(work, path), content)
}

/** A commit whose root is the base's with these entries instead, in any form git can read. */
async function forged(...entries: readonly RawEntry[]): Promise<string> {
  const kept = userGit(place.bare, 'ls-tree', place.base)
    .split('\n')
    .map((line): RawEntry => {
      const [, mode = '', id = '', name = ''] = /^(\d+) \w+ (\w+)\t(.*)$/.exec(line) ?? []
      return { mode: mode.replace(/^0/, ''), name, id }
    })
    .filter(({ name }) => !entries.some((entry) => entry.name === name))
  const sortedAs = ({ mode, name }: RawEntry) => (mode === '40000' ? `${name}/` : name)
  const sorted = [...kept, ...entries].toSorted((one, other) => (sortedAs(one) < sortedAs(other) ? -1 : 1))
  return forge().commit({ tree: await forge().tree(sorted), parent: place.base })
}

const layout = (): readonly string[] =>
  readdirSync(place.bare, { recursive: true, encoding: 'utf8' })
    .filter((path) => !/^(?:objects|refs)(?:\/|$)/.test(path))
    .toSorted()

/** Merges, and looks that nothing else came of it. */
async function merged(ours: string, theirs: string) {
  const before = layout()
  const result = await git.merge({ ...place, ours, theirs, text: { message: 'Merged', at: 0 } })
  expect(layout()).toEqual(before)
  expect(readdirSync(join(root, 'outside'))).toEqual([])
  expect(userGit(place.bare, 'fsck', '--strict', '--no-dangling', result.commit)).toBe('')
  return result
}

describe('a merge executes nothing', () => {
  test('of the drivers that attributes name, were they even configured', async () => {
    for (const [key, command] of [
      ['merge.evil.driver', trap()],
      ['diff.evil.textconv', trap()],
      ['diff.evil.command', trap()],
      ['filter.evil.smudge', trap()],
      ['filter.evil.clean', trap()],
    ] as const)
      userGit(place.bare, 'config', key, command)
    const attributes = (work: string) => write('.gitattributes', '* merge=evil diff=evil filter=evil\n')(work)
    const sides = ['ours', 'theirs'].map((side) =>
      commit((work) => {
        attributes(work)
        write('a.txt', `one\n${side}\nthree\n`)(work)
      }),
    )
    expect((await merged(sides[0] ?? '', sides[1] ?? '')).conflicts).toEqual([
      'CONFLICT (content): Merge conflict in a.txt',
    ])
  })

  test('of a submodule that both sides moved: it is neither fetched nor entered', async () => {
    const modules = `[submodule "a.txt"]\n\tpath = a.txt\n\turl = ext::sh -c "${trap()}"\n`
    const link = async (id: string) =>
      forged(
        { mode: '160000', name: 'a.txt', id },
        { mode: '100644', name: '.gitmodules', id: await forge().blob(modules) },
      )
    const { conflicts } = await merged(await link('1'.repeat(40)), await link('2'.repeat(40)))
    expect(conflicts.join('\n')).toMatch(/CONFLICT \(.*\): .*a\.txt/)
  })
})

describe('a merge writes nothing outside', () => {
  test('through a link where the other side has a folder', async () => {
    const linked = commit((work) => {
      rmSync(join(work, 'folder'), { recursive: true })
      symlinkSync(join(root, 'outside'), join(work, 'folder'))
    })
    const filled = commit(write('folder/written.txt', 'through the link\n'))
    for (const sides of [
      [linked, filled],
      [filled, linked],
    ] as const) {
      const { conflicts, tree } = await merged(...sides)
      expect(conflicts.join('\n')).toMatch(/CONFLICT \(file\/directory\)/)
      expect(userGit(place.bare, 'ls-tree', '-r', '--name-only', tree)).toContain('folder/written.txt')
    }
  })

  test('under names that are .git on Windows or macOS: such work is refused before it is merged', async () => {
    for (const name of [
      '.git',
      '.GIT',
      'git~1',
      '.g\u200cit',
      '.git\u200c',
      '.git ',
      '.git...',
      '.git::$INDEX_ALLOCATION',
    ]) {
      const forgery = forge()
      const hook = await forgery.blob(`#!/bin/sh\n${trap()}\n`)
      const folder = await forgery.tree([{ mode: '100755', name: 'post-checkout', id: hook }])
      const tree = await forgery.tree([{ mode: '40000', name, id: folder }])
      const hostile = await forgery.commit({ tree, parent: place.base })
      const bundle = await bundleOf(
        forgery,
        { commit: hostile },
        { base: place.base, reference: 'refs/heads/snapshot' },
      )
      const taken = git.importBundle({ bare: place.bare, bundle, commit: hostile })
      await expect(taken, JSON.stringify(name)).rejects.toBeInstanceOf(GatewayError)
    }
    expect(existsSync(join(root, 'outside', 'executed'))).toBe(false)
  })
})

describe('a merge that cannot be made is told', () => {
  test('of a file both sides renamed, each to a name of its own', async () => {
    const renamed = (name: string) =>
      commit((work) => {
        rmSync(join(work, 'a.txt'))
        write(name, FILES['a.txt'])(work)
      })
    const { conflicts } = await merged(renamed('ours.txt'), renamed('theirs.txt'))
    expect(conflicts).toEqual([expect.stringMatching(/^CONFLICT \(rename\/rename\): a\.txt renamed to ours\.txt/)])
  })

  test('of two files renamed to the same name, and of folders renamed into each other', async () => {
    const moved = (from: string, to: string) =>
      commit((work) => {
        rmSync(join(work, from))
        write(to, FILES[from as keyof typeof FILES])(work)
      })
    const { conflicts } = await merged(moved('a.txt', 'new.txt'), moved('folder/b.txt', 'new.txt'))
    expect(conflicts.join('\n')).toMatch(/CONFLICT \(.*\): .*new\.txt/)
  })

  test('of a name that pretends to be another conflict: one conflict is one line', async () => {
    const name = 'x\nCONFLICT (content): Merge conflict in never.txt'
    const { conflicts } = await merged(commit(write(name, 'ours\n')), commit(write(name, 'theirs\n')))
    expect(conflicts).toHaveLength(1)
    expect(conflicts[0]).toMatch(/^CONFLICT \(add\/add\): .*x/)
  })

  test('of thousands of files at once', async () => {
    const count = 3_000
    const many = async (side: string) => {
      const id = await forge().blob(side)
      const names = Array.from({ length: count }, (_, file) => `${file}.txt`).toSorted()
      const folder = await forge().tree(names.map((name) => ({ mode: '100644', name, id })))
      return forged({ mode: '40000', name: 'many', id: folder })
    }
    expect((await merged(await many('ours'), await many('theirs'))).conflicts).toHaveLength(count)
  })
})
