import { createHash, randomUUID } from 'node:crypto'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../../domain/errors.ts'
import { looseRef } from './loose-ref.ts'
import { OBJECT_ID } from './object-id.ts'
import { remoteAccess } from './remote-access.ts'
import type { ResolvedRepository } from './repository-policy.ts'
import { git, tryGit } from './run-git.ts'

/** Author, committer and date of the commit an empty workspace starts from: the same everywhere. */
const ORIGIN = {
  GIT_AUTHOR_NAME: 'OpenClaw Gateway',
  GIT_AUTHOR_EMAIL: 'gateway@openclaw.invalid',
  GIT_AUTHOR_DATE: '@0 +0000',
  GIT_COMMITTER_NAME: 'OpenClaw Gateway',
  GIT_COMMITTER_EMAIL: 'gateway@openclaw.invalid',
  GIT_COMMITTER_DATE: '@0 +0000',
}

/**
 * Path of the host's bare repository for a remote and a tenant, made when missing. Made aside and renamed, so that
 * processes that make it at once end up with one.
 */
export async function ensureMirror(mirror: {
  readonly directory: string
  readonly url: string
  readonly tenant: string
}): Promise<string> {
  const name = createHash('sha256').update(`${mirror.tenant}\n${mirror.url}`).digest('hex').slice(0, 24)
  const path = join(mirror.directory, `${name}.git`)
  if (await exists(path)) return path
  await mkdir(mirror.directory, { recursive: true, mode: 0o700 })
  const fresh = join(mirror.directory, `.new-${randomUUID()}`)
  await git({ args: ['init', '--quiet', '--bare', '--template=', fresh], directory: mirror.directory })
  await rename(fresh, path).catch(async (error: unknown) => {
    await rm(fresh, { recursive: true, force: true })
    if (!(await exists(path))) throw error
  })
  return path
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** What git calls an object. */
const idOf = (type: string, content: string): string =>
  createHash('sha1')
    .update(`${type} ${Buffer.byteLength(content)}\0${content}`)
    .digest('hex')

const PERSON = `${ORIGIN.GIT_AUTHOR_NAME} <${ORIGIN.GIT_AUTHOR_EMAIL}> 0 +0000`
/** What the empty commit holds: nothing. */
export const EMPTY_TREE = idOf('tree', '')
export const EMPTY_COMMIT = idOf(
  'commit',
  `tree ${EMPTY_TREE}\nauthor ${PERSON}\ncommitter ${PERSON}\n\nEmpty workspace\n`,
)

/** The commit without parent and files that work on nothing starts from. It is made once and then found by its name. */
export async function emptyCommit(bare: string): Promise<string> {
  if (await exists(join(bare, 'objects', EMPTY_COMMIT.slice(0, 2), EMPTY_COMMIT.slice(2)))) return EMPTY_COMMIT
  const tree = await git({ args: ['hash-object', '-t', 'tree', '-w', '--stdin'], directory: bare, stdin: '' })
  const args = ['commit-tree', tree.toString().trim(), '-m', 'Empty workspace']
  return (await git({ args, directory: bare, environment: ORIGIN })).toString().trim()
}

/** The commit an id names, itself or through a tag; undefined when the mirror lacks it. */
async function findCommit(bare: string, id: string): Promise<string | undefined> {
  const args = ['rev-parse', '--quiet', '--verify', `${id}^{commit}`]
  const { exitCode, stdout } = await tryGit({ args, directory: bare })
  return exitCode === 0 ? stdout.toString().trim() : undefined
}

/**
 * Brings a commit of the remote into the mirror and gives its id: `base` when it was fixed before, else where the ref
 * (the default branch without one) stands now. A repository without any commit gives the empty one.
 */
export async function fetchBase(request: {
  readonly bare: string
  readonly repository: ResolvedRepository
  readonly base?: string | undefined
  readonly silenceMs: number
  readonly signal?: AbortSignal | undefined
}): Promise<string> {
  const { bare, repository, base, silenceMs, signal } = request
  if (base !== undefined && (await findCommit(bare, base)) !== undefined) return base
  const remote = { bare, repository, silenceMs, signal, environment: await remoteAccess(repository, silenceMs) }
  if (base !== undefined) return fetchCommit(remote, { id: base, source: base })
  const { ref } = repository
  if (ref !== undefined && OBJECT_ID.test(ref)) return fetchCommit(remote, { id: ref, source: ref })
  const found = await resolveRef(remote, ref)
  if (!found) return emptyCommit(bare)
  return fetchCommit(remote, found)
}

export interface Remote {
  readonly bare: string
  readonly repository: ResolvedRepository
  /** How long it may say nothing. */
  readonly silenceMs: number
  readonly signal?: AbortSignal | undefined
  readonly environment: Readonly<Record<string, string>>
}

/** Whether somebody else answers for it, who can fall silent; that is worth a question more. */
export const isElsewhere = ({ scheme }: ResolvedRepository): boolean => scheme !== 'file'

/** Where a name stands at the remote, as git itself would understand it: branch before tag. */
async function resolveRef(remote: Remote, ref: string | undefined) {
  const lines = await listRemote(remote, ref === undefined ? ['HEAD'] : [ref])
  const refs = new Map(lines.map(([id, name]) => [name, id]))
  const wanted = ref === undefined ? ['HEAD'] : [ref, `refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`]
  for (const source of wanted) {
    const id = refs.get(source)
    if (id !== undefined) return { id, source: source.replace(/\^\{\}$/, '') }
  }
  if (ref !== undefined)
    throw new GatewayError(
      'repository_not_found',
      `The repository ${remote.repository.url} has no branch, tag or commit ${ref}. Check repository.ref.`,
    )
  return undefined
}

/** The shortest question: git itself waits for minutes until a host that is gone says its first word. */
async function listRemote(
  remote: Remote,
  patterns: readonly string[],
): Promise<readonly (readonly [string, string])[]> {
  const args = ['ls-remote', '--', remote.repository.url, ...patterns.flatMap((name) => [name, `${name}^{}`])]
  const output = await speak(remote, args, remote.silenceMs)
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t') as [string, string])
}

/** The id a branch of the remote has now; undefined when there is no such branch. */
export async function remoteBranch(remote: Remote, branch: string): Promise<string | undefined> {
  const name = `refs/heads/${branch}`
  const lines = await listRemote(remote, [name])
  return lines.find((line) => line[1] === name)?.[0]
}

async function fetchCommit(
  remote: Remote,
  { id, source }: { readonly id: string; readonly source: string },
): Promise<string> {
  const target = `refs/mirror/${createHash('sha256').update(source).digest('hex').slice(0, 16)}`
  // What a branch stands at is a commit, never a tag that leads to one.
  const isBranch = source === 'HEAD' || source.startsWith('refs/heads/')
  const find = async () => (isBranch && (await looseRef(remote.bare, target)) === id ? id : findCommit(remote.bare, id))
  const known = await find()
  if (known !== undefined) return known
  // Who asked for a name has heard from the remote just now.
  if (source === id && isElsewhere(remote.repository)) await listRemote(remote, ['HEAD'])
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--force']
  const fetched = speak(remote, [...args, '--', remote.repository.url, `${source}:${target}`])
  // Another process may have brought it at the same moment and hold the ref.
  const failure = await fetched.then(
    () => undefined,
    (error: unknown) => error,
  )
  const commit = await find()
  if (commit !== undefined) return commit
  throw failure ?? remoteFailure(remote.repository.url, `it moved away from ${id} while it was fetched`)
}

async function speak(remote: Remote, args: readonly string[], limitMs?: number): Promise<string> {
  const { bare, repository, signal, environment } = remote
  const { exitCode, stdout, stderr } = await tryGit({
    ...{ args, directory: bare, environment, signal },
    ...(limitMs !== undefined && { limitMs }),
  })
  if (exitCode === 0) return stdout.toString('utf8')
  throw remoteFailure(repository.url, stderr)
}

const ABSENT =
  /not found|does not exist|does not appear to be a git repository|not a git repository|Permission denied|Authentication failed|could not read Username|no such remote ref|not our ref|couldn't find remote ref|access denied|\b40[13]\b/i

/** Git's advice to a person at a terminal. */
const ADVICE = /^(Please make sure you have the correct access rights|and the repository exists\.)?$/

/** What git said about a remote, by whether trying again may help. */
export function remoteFailure(url: string, stderr: string): GatewayError {
  const lines = stderr.split('\n').filter((line) => !ADVICE.test(line))
  const said = lines.slice(-3).join(' ').slice(0, 400)
  if (ABSENT.test(stderr))
    return new GatewayError(
      'repository_not_found',
      `The repository ${url} does not exist or may not be read by the gateway (${said}). Check the URL and, for a private repository, its credentialFile in REPOSITORIES_FILE.`,
    )
  return new GatewayError(
    'repository_unreachable',
    `The repository ${url} cannot be reached (${said}). See whether its host is up and answers this machine, then retry the task.`,
    { retryable: true },
  )
}
