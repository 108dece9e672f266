import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** Runs git as an ordinary user would, with an identity and no configuration of the machine. */
export function userGit(directory: string, ...args: readonly string[]): string {
  return execFileSync('git', [...args], {
    cwd: directory,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: directory,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim()
}

/** Counts the updates of a repository's references from now on: `<old> <new> <ref>` each. */
export function watchUpdates(repository: string): () => readonly string[] {
  const gitDirectory = resolve(repository, userGit(repository, 'rev-parse', '--git-dir'))
  const log = join(gitDirectory, 'updates.log')
  mkdirSync(join(gitDirectory, 'hooks'), { recursive: true })
  writeFileSync(join(gitDirectory, 'hooks/post-receive'), `#!/bin/sh\ncat >> '${log}'\n`, { mode: 0o755 })
  writeFileSync(log, '')
  return () => readFileSync(log, 'utf8').split('\n').filter(Boolean)
}

/** A bare repository with one commit on `main` that counts the updates of its branches. */
export interface Upstream {
  readonly directory: string
  readonly url: string
  readonly head: string
  /** One line per branch update: `<old> <new> <ref>`. */
  updates(): readonly string[]
  remove(): void
}

/** Makes an upstream with the given files (path → text), below a folder whose repositories may be named. */
export function createUpstream(files: Readonly<Record<string, string>>, below = tmpdir()): Upstream {
  const root = mkdtempSync(join(below, 'ocg-upstream-'))
  const directory = join(root, 'upstream.git')
  const work = join(root, 'work')
  mkdirSync(work)
  userGit(work, 'init', '--quiet', '--initial-branch=main')
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), text)
  }
  userGit(work, 'add', '--all')
  userGit(work, 'commit', '--quiet', '--allow-empty', '-m', 'Start')
  userGit(root, 'clone', '--quiet', '--bare', work, directory)
  const updates = watchUpdates(directory)
  return {
    directory,
    url: `file://${directory}`,
    head: userGit(work, 'rev-parse', 'HEAD'),
    updates,
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
