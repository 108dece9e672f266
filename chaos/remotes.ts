import { execFile } from 'node:child_process'
import { access, chmod, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { childEnvironment } from '../adapters/config.ts'
import type { BranchUpdate } from './observations.ts'

const run = promisify(execFile)
const NONE = '0'.repeat(40)

/** Where an order for the next push waits until one takes it. */
export type GitOrder = 'cut-after-accept' | 'hang' | 'kill-before' | 'kill-after'

/** Runs once a reference has changed, in the process that changed it: what it notes has happened. */
const reportHook = (ledger: string) => `#!/bin/sh
test "$1" = committed || exit 0
while read -r old new ref; do
  case "$ref" in refs/heads/*) printf '%s %s\\n' "$ref" "$new" >> '${ledger}' && sync '${ledger}' ;; esac
done
`

/** Whoever pushes dies; before the reference moves its push is refused too, as it would be with the git it started. */
const killHook = (order: string, exitCode: number) => `
if mv '${order}' '${order}'.$$ 2>/dev/null; then
  pid=$$
  while [ "$pid" -gt 1 ]; do
    case "$(readlink /proc/$pid/exe)" in */node) kill -9 "$pid"; exit ${exitCode} ;; esac
    pid="$(awk '/^PPid:/ { print $2 }' /proc/$pid/status)"
  done
fi
`

/** The push waits as long as the order says; one order is for one push. */
const hangHook = (orders: string) => `
taken='${orders}/hang'.$$
mv '${orders}/hang' "$taken" 2>/dev/null || exit 0
sleep "$(cat "$taken")"
`

/** What was accepted stays accepted; the answer never arrives. */
const cutHook = (orders: string) => `
mv '${orders}/cut-after-accept' '${orders}/cut-after-accept'.$$ 2>/dev/null || exit 0
kill -9 $PPID
`

/** The bare repositories of a run, one a task. Each notes on the disk what happens to its branches. */
export class Remotes {
  private constructor(private readonly directory: string) {}

  static async create(directory: string, files: Readonly<Record<string, string>>): Promise<Remotes> {
    const remotes = new Remotes(directory)
    await mkdir(remotes.orders, { recursive: true })
    const work = join(directory, 'work')
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(work, path)), { recursive: true })
      await writeFile(join(work, path), text)
    }
    await git(work, ['init', '--quiet', '--initial-branch=main'])
    await git(work, ['add', '--all'])
    await git(work, ['commit', '--quiet', '-m', 'Start'])
    await git(directory, ['clone', '--quiet', '--bare', '--template=', work, remotes.template])
    return remotes
  }

  /** A new repository; gives its URL. */
  async add(key: string): Promise<string> {
    const repository = this.repository(key)
    await cp(this.template, repository, { recursive: true })
    await mkdir(join(repository, 'hooks'))
    const hooks = {
      'reference-transaction': reportHook(this.ledger(key)),
      'pre-receive': `#!/bin/sh${killHook(join(this.orders, 'kill-before'), 1)}${hangHook(this.orders)}`,
      'post-receive': `#!/bin/sh${killHook(join(this.orders, 'kill-after'), 0)}${cutHook(this.orders)}`,
    }
    for (const [name, text] of Object.entries(hooks)) {
      await writeFile(join(repository, 'hooks', name), text)
      await chmod(join(repository, 'hooks', name), 0o755)
    }
    return pathToFileURL(repository).href
  }

  /** Orders something for the next push, to whichever repository. */
  async order(order: GitOrder, seconds: number): Promise<void> {
    const file = join(this.orders, order)
    await writeFile(`${file}.new`, String(seconds))
    await rename(`${file}.new`, file)
  }

  /** Whether a push has taken the order. */
  async isTaken(order: GitOrder): Promise<boolean> {
    return access(join(this.orders, order)).then(
      () => false,
      () => true,
    )
  }

  /** Takes an order back; false when a push has taken it already. */
  async withdraw(order: GitOrder): Promise<boolean> {
    return rm(join(this.orders, order)).then(
      () => true,
      () => false,
    )
  }

  async updates(key: string): Promise<readonly BranchUpdate[]> {
    const lines = (await readFile(this.ledger(key), 'utf8').catch(() => '')).split('\n').filter(Boolean)
    return lines.map((line) => {
      const [ref = '', commit = NONE] = line.split(' ')
      return { key, ref, commit }
    })
  }

  /** Tree of a branch; undefined when there is none. */
  treeOf(key: string, branch: string): Promise<string | undefined> {
    return git(this.repository(key), ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{tree}`]).catch(
      () => undefined,
    )
  }

  /** Tree of the base with a patch applied; undefined when it does not apply. */
  async treeWith(key: string, patch: string): Promise<string | undefined> {
    const repository = this.repository(key)
    const index = { GIT_INDEX_FILE: join(repository, 'chaos.index') }
    const file = join(repository, 'chaos.patch')
    await writeFile(file, patch)
    try {
      await git(repository, ['read-tree', 'main'], index)
      await git(repository, ['apply', '--cached', file], index)
      return await git(repository, ['write-tree'], index)
    } catch {
      return undefined
    }
  }

  private get orders(): string {
    return join(this.directory, 'orders')
  }

  private get template(): string {
    return join(this.directory, 'template.git')
  }

  private repository(key: string): string {
    return join(this.directory, `${key}.git`)
  }

  private ledger(key: string): string {
    return join(this.directory, `${key}.updates`)
  }
}

const PERSON = { NAME: 'Chaos', EMAIL: 'chaos@example.com' }

async function git(
  directory: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { PATH } = childEnvironment({})
  const people = ['AUTHOR', 'COMMITTER'].flatMap((role) =>
    Object.entries(PERSON).map(([field, value]) => [`GIT_${role}_${field}`, value] as const),
  )
  const env = { PATH, HOME: directory, GIT_CONFIG_GLOBAL: '/dev/null', ...Object.fromEntries(people), ...environment }
  return (await run('git', [...args], { cwd: directory, env })).stdout.trim()
}
