import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A pull request as it stands now. */
export interface StoredPull {
  readonly number: number
  readonly title: string
  readonly body: string
  readonly head: string
  readonly base: string
  readonly sha: string
  state: 'open' | 'closed'
  merged: boolean
}

/** A bare repository on the disk, and its pull requests. */
export class ForgeRepository {
  readonly pulls: StoredPull[] = []

  constructor(
    readonly owner: string,
    readonly name: string,
    readonly directory: string,
  ) {
    // Written by git itself, whoever pushes.
    const hook = `#!/bin/sh\ncat >> "$(git rev-parse --git-dir)/updates.log"\n`
    mkdirSync(join(directory, 'hooks'), { recursive: true })
    writeFileSync(join(directory, 'hooks/post-receive'), hook, { mode: 0o755 })
    writeFileSync(join(directory, 'updates.log'), '')
  }

  get fullName(): string {
    return `${this.owner}/${this.name}`
  }

  get defaultBranch(): string {
    return this.git('symbolic-ref', '--short', 'HEAD')
  }

  /** Every update of a reference by a push: `<old> <new> <ref>` each. */
  updates(): readonly string[] {
    return readFileSync(join(this.directory, 'updates.log'), 'utf8').split('\n').filter(Boolean)
  }

  /** The commit of a branch; undefined when there is no such branch. */
  commitOf(branch: string): string | undefined {
    try {
      return this.git('rev-parse', '--verify', '--quiet', '--end-of-options', `refs/heads/${branch}`)
    } catch {
      return undefined
    }
  }

  /** How many commits of `head` are not in `base`. */
  ahead(base: string, head: string): number {
    return Number(this.git('rev-list', '--count', `refs/heads/${base}..refs/heads/${head}`, '--'))
  }

  open(pull: Pick<StoredPull, 'title' | 'body' | 'head' | 'base' | 'sha'>): StoredPull {
    const opened: StoredPull = { ...pull, number: this.pulls.length + 1, state: 'open', merged: false }
    this.pulls.push(opened)
    return opened
  }

  /** What a person does who does not want it, or has taken it. */
  close(number: number, { merged = false }: { readonly merged?: boolean } = {}): void {
    const pull = this.pulls.find((one) => one.number === number)
    if (!pull) throw new Error(`${this.fullName} has no pull request ${number}.`)
    pull.state = 'closed'
    pull.merged = merged
  }

  private git(...args: readonly string[]): string {
    return runGit(this.directory, args)
  }
}

/** What git may know of this machine: where programs are. */
export const gitEnvironment = (home: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: home,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Forge',
  GIT_AUTHOR_EMAIL: 'forge@example.com',
  GIT_COMMITTER_NAME: 'Forge',
  GIT_COMMITTER_EMAIL: 'forge@example.com',
})

function runGit(directory: string, args: readonly string[]): string {
  const options = { cwd: directory, env: gitEnvironment(directory), encoding: 'utf8' } as const
  return execFileSync('git', args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }).trim()
}

/** Makes `<root>/<owner>/<name>.git`: a copy of a repository on this machine, else one with a README on `main`. */
export function makeRepository(place: {
  readonly root: string
  readonly owner: string
  readonly name: string
  readonly source?: string | undefined
}): ForgeRepository {
  const { root, owner, name, source } = place
  const directory = join(root, owner, `${name}.git`)
  mkdirSync(join(root, owner), { recursive: true })
  if (source === undefined) {
    runGit(root, ['init', '--quiet', '--bare', '--initial-branch=main', directory])
    writeFileSync(join(root, 'README.md'), `# ${name}\n`)
    runGit(root, ['--git-dir', directory, '--work-tree', root, 'add', 'README.md'])
    runGit(root, ['--git-dir', directory, '--work-tree', root, 'commit', '--quiet', '-m', 'Start'])
  } else runGit(root, ['clone', '--quiet', '--bare', source, directory])
  return new ForgeRepository(owner, name, directory)
}
