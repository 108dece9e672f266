import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGitHost } from '../../adapters/git/git-host.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import { createUpstream, userGit, type Upstream } from '../support/upstream.ts'

const text = { message: 'Merged', at: 0 }
const FILES = {
  'a.txt': 'one\ntwo\nthree\n',
  'b.txt': 'one\ntwo\nthree\n',
  '.gitattributes': '*.txt merge=union\n',
}

let root: string
let upstream: Upstream
let git: GitHost
let place: { bare: string; base: string }

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'ocg-merge-'))
  upstream = createUpstream(FILES)
  git = host('repositories')
  place = await open(git)
})
afterEach(() => {
  upstream.remove()
  rmSync(root, { recursive: true, force: true })
})

const host = (name: string): GitHost =>
  createGitHost({ directory: join(root, name), repositories: [], fileRoots: [tmpdir()] })
const open = (at: GitHost) => at.open({ repository: { url: upstream.url }, tenant: 'default' })

/** A commit on the base with these files changed, in the host's repository; null removes one. */
function commit(changes: Readonly<Record<string, string | null>>): string {
  const work = mkdtempSync(join(root, 'work-'))
  userGit(work, 'clone', '--quiet', upstream.url, '.')
  for (const [path, content] of Object.entries(changes))
    if (content === null) rmSync(join(work, path))
    else writeFileSync(join(work, path), content)
  userGit(work, 'add', '--all')
  userGit(work, 'commit', '--quiet', '-m', 'Change')
  const id = userGit(work, 'rev-parse', 'HEAD')
  userGit(work, 'push', '--quiet', place.bare, `HEAD:refs/parts/${id}`)
  return id
}

const merged = (ours: string, theirs: string) => git.merge({ ...place, ours, theirs, text })
const fileOf = (at: string, path: string) => userGit(place.bare, 'show', `${at}:${path}`)

describe('a merge', () => {
  test('holds what both sides changed, as one commit on the base', async () => {
    const {
      commit: result,
      tree,
      conflicts,
    } = await merged(commit({ 'a.txt': 'ONE\ntwo\nthree\n' }), commit({ 'a.txt': 'one\ntwo\nTHREE\n', 'b.txt': null }))
    expect(conflicts).toEqual([])
    expect(fileOf(result, 'a.txt')).toBe('ONE\ntwo\nTHREE')
    expect(userGit(place.bare, 'ls-tree', '--name-only', tree)).toBe('.gitattributes\na.txt')
    expect(userGit(place.bare, 'rev-list', '--parents', '-1', result)).toBe(`${result} ${place.base}`)
  })

  test('goes on from an earlier one', async () => {
    const first = await merged(place.base, commit({ 'a.txt': 'ONE\ntwo\nthree\n' }))
    const second = await merged(first.commit, commit({ 'a.txt': 'one\ntwo\nTHREE\n' }))
    expect([second.conflicts, fileOf(second.commit, 'a.txt')]).toEqual([[], 'ONE\ntwo\nTHREE'])
  })

  test('is the same commit whenever and wherever it is made', async () => {
    const sides = [commit({ 'a.txt': 'ours\n' }), commit({ 'b.txt': 'theirs\n' })] as const
    expect(await merged(...sides)).toEqual(await merged(...sides))
  })

  test('names the files that conflict, and leaves both sides in them', async () => {
    const theirs = commit({ 'a.txt': 'one\ntheirs\nthree\n', 'b.txt': null })
    const { commit: result, conflicts } = await merged(
      commit({ 'a.txt': 'one\nours\nthree\n', 'b.txt': 'changed\n' }),
      theirs,
    )
    expect(conflicts).toEqual([
      'CONFLICT (content): Merge conflict in a.txt',
      expect.stringMatching(/^CONFLICT \(modify\/delete\): b\.txt deleted in/),
    ])
    expect(fileOf(result, 'a.txt')).toMatch(/<<<<<<< \w+\nours\n=======\ntheirs\n>>>>>>> (?<side>\w+)/)
    expect(fileOf(result, 'a.txt')).toContain(`>>>>>>> ${theirs}`)
  })

  test('asks no attribute of the repository how to merge: nothing is joined unseen', async () => {
    const sides = ['ours', 'theirs'].map((side) => commit({ 'a.txt': `one\n${side}\nthree\n` }))
    expect((await merged(sides[0] ?? '', sides[1] ?? '')).conflicts).toHaveLength(1)
  })

  test('of commits that are not there is an error, not an empty tree', async () => {
    await expect(merged(place.base, '1'.repeat(40))).rejects.toThrow(/merge-tree/)
  })
})

describe('a bundle', () => {
  test('carries a merge to another host', async () => {
    const { commit: result, tree } = await merged(commit({ 'a.txt': 'ours\n' }), commit({ 'b.txt': 'theirs\n' }))
    const bundle = await git.bundle({ ...place, commit: result })
    const other = host('elsewhere')
    const { bare } = await open(other)
    await other.importBundle({ bare, bundle, commit: result })
    expect(userGit(bare, 'rev-parse', `${result}^{tree}`)).toBe(tree)
  })
})
