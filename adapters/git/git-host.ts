import { mkdir, rm } from 'node:fs/promises'
import { GatewayError } from '../../domain/errors.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import type { KnownRepository } from '../../domain/schemas/known-repositories.ts'
import type { DiffStat } from '../../domain/task.ts'
import { compose } from './compose.ts'
import { importBundle } from './import-bundle.ts'
import { listFiles, listProtected } from './list-files.ts'
import { bundle, merge } from './merge.ts'
import {
  emptyCommit,
  ensureMirror,
  fetchBase,
  isElsewhere,
  remoteBranch,
  remoteFailure,
  type Remote,
} from './mirror.ts'
import { REMOTE_SILENCE_MS, remoteAccess } from './remote-access.ts'
import { createRepositoryPolicy, type RepositoryPolicy } from './repository-policy.ts'
import { git, tryGit } from './run-git.ts'

/** History a clone brings along: enough to read why a line is there, little enough to copy at once. */
const CLONE_DEPTH = 50

export interface GitHostOptions {
  /** Folder of the host's bare repositories. */
  readonly directory: string
  readonly repositories: readonly KnownRepository[]
  readonly fileRoots: readonly string[]
  /** How long a remote may say nothing; default a minute. */
  readonly silenceMs?: number
}

/** Git on the host's side: bare repositories of its own, fixed commands, no configuration but the gateway's. */
export function createGitHost(options: GitHostOptions): GitHost {
  const { directory, silenceMs = REMOTE_SILENCE_MS } = options
  const host: Host = { directory, silenceMs, policy: createRepositoryPolicy(options) }
  return {
    open: (request) => open(request, host),
    checkout,
    importBundle,
    compose,
    merge,
    bundle,
    patch,
    diffStat,
    readFiles,
    listFiles,
    listProtected,
    push: (request) => push(request, host),
  }
}

interface Host extends Required<Pick<GitHostOptions, 'directory' | 'silenceMs'>> {
  readonly policy: RepositoryPolicy
}

async function open(
  request: Parameters<GitHost['open']>[0],
  { directory, policy, silenceMs }: Host,
): ReturnType<GitHost['open']> {
  const { repository: named, tenant, base, signal } = request
  if (!named) {
    const bare = await ensureMirror({ directory, url: 'empty', tenant })
    return { bare, base: await emptyCommit(bare) }
  }
  const repository = policy.resolve({ ...named, tenant })
  const bare = await ensureMirror({ directory, url: repository.url, tenant })
  return { bare, base: await fetchBase({ bare, repository, base, silenceMs, signal }) }
}

const checkout: GitHost['checkout'] = async ({ bare, commit, directory, signal }) => {
  // What an agent left there would be the configuration of the git that writes over it.
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true, mode: 0o755 })
  await git({ args: ['init', '--quiet', '--template=', '--initial-branch=work', '.'], directory })
  // One pack instead of thousands of files, and no waiting for the disk: a clone can be made again.
  const quick = ['-c', 'fetch.unpackLimit=1', '-c', 'core.fsync=none']
  const fetching = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', `--depth=${CLONE_DEPTH}`]
  await git({
    args: [...quick, ...fetching, '--update-head-ok', '--', `file://${bare}`, `${commit}:refs/heads/work`],
    directory,
    signal,
  })
  await git({ args: [...quick, 'reset', '--quiet', '--hard', 'refs/heads/work'], directory, signal })
}

const PLAIN_DIFF = [
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--no-renames',
  '--src-prefix=a/',
  '--dst-prefix=b/',
]

const patch: GitHost['patch'] = (request) => compare(request, ['-p', '--binary', '--full-index'])

const diffStat: GitHost['diffStat'] = async (request) =>
  statOf((await compare(request, ['--numstat', '-z'])).toString('utf8'))

async function compare(
  { bare, base, commit }: Parameters<GitHost['patch']>[0],
  options: readonly string[],
): Promise<Buffer> {
  if (base === commit) return Buffer.alloc(0)
  return git({ args: ['diff-tree', '-r', ...PLAIN_DIFF, ...options, base, commit, '--'], directory: bare })
}

/** Sums `git --numstat -z`; a binary file counts as changed without lines. */
function statOf(numbers: string): DiffStat {
  const rows = numbers.split('\0').filter(Boolean)
  const sum = (column: number) => rows.reduce((total, row) => total + (Number(row.split('\t')[column]) || 0), 0)
  return { files: rows.length, insertions: sum(0), deletions: sum(1) }
}

const readFiles: GitHost['readFiles'] = async ({ bare, commit, paths, maxBytes }) => {
  const listed = await git({ args: ['ls-tree', '-z', commit, '--', ...paths], directory: bare })
  const read = listed
    .toString('utf8')
    .split('\0')
    .filter(Boolean)
    .map(async (entry) => {
      // Each is `<mode> <type> <id>`, a tab, and the path.
      const [mode, type, id = ''] = entry.split(/[ \t]/)
      if (type !== 'blob' || mode === '120000') return []
      const content = await git({ args: ['cat-file', 'blob', id], directory: bare })
      return [{ path: entry.slice(entry.indexOf('\t') + 1), content: content.subarray(0, maxBytes) }]
    })
  const files = (await Promise.all(read)).flat()
  return paths.flatMap((wanted) => files.filter(({ path }) => path === wanted))
}

async function push(
  request: Parameters<GitHost['push']>[0],
  { policy, silenceMs }: Pick<Host, 'policy' | 'silenceMs'>,
): Promise<void> {
  const { bare, commit, branch, signal } = request
  const repository = policy.resolve({ ...request.repository, tenant: request.tenant })
  const environment = await remoteAccess(repository, silenceMs)
  const remote: Remote = { bare, repository, silenceMs, signal, environment }
  // Notices in time that nobody is there.
  if (isElsewhere(repository) && (await remoteBranch(remote, branch)) === commit) return
  // Only where nothing stands yet; what was pushed before is found afterwards.
  const lease = `--force-with-lease=refs/heads/${branch}:`
  const { exitCode, stderr } = await tryGit({
    args: ['push', '--quiet', '--no-verify', lease, '--', repository.url, `${commit}:refs/heads/${branch}`],
    directory: bare,
    environment,
    signal,
  })
  if (exitCode === 0) return
  // The answer of a push that went through may be lost, or another try may have been faster.
  const stands = await remoteBranch(remote, branch)
  if (stands === commit) return
  throw stands === undefined ? remoteFailure(repository.url, stderr) : moved(branch, repository.url)
}

const moved = (branch: string, url: string): GatewayError =>
  new GatewayError(
    'conflict',
    `The branch ${branch} of ${url} stands at a commit the gateway did not put there. Remove or rename it, then retry the task.`,
  )
