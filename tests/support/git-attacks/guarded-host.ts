import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createGitHost } from '../../../adapters/git/git-host.ts'
import { createSnapshots } from '../../../adapters/git/snapshots.ts'
import type { GitHost, Snapshot, Snapshots } from '../../../domain/ports/git.ts'
import type { Sandbox } from '../../../domain/ports/sandbox.ts'
import { bubblewrap } from '../programs.ts'
import { PRELUDE, type Attack } from './attack.ts'
import type { Playground } from './playground.ts'

const TENANT = 'default'
export const BRANCH = 'openclaw/task-1'
const COMMAND_LIMIT_MS = 30_000
/** A snapshot that waits for something an agent never sends ends here. */
const SNAPSHOT_LIMIT_MS = 25_000
const KEPT_BYTES = 64 * 1024
/** Left in the snapshots' own git directory by a program of the agent that runs there. */
const HISTORY_CANARY = 'canary'

/** A task's files on the host, as a builder holds them. */
export interface Seat {
  readonly git: GitHost
  readonly sandbox: Sandbox
  readonly snapshots: Snapshots
  readonly bare: string
  readonly base: string
  readonly workspace: string
  readonly history: string
}

/** What the host got out of a workspace. */
export interface Delivery {
  readonly commit: string
  /** Everything that would be shown or sent on. */
  readonly published: readonly Uint8Array[]
  readonly files: readonly string[]
}

/** Opens the playground's upstream and checks it out for the agent. */
export async function takeSeat(playground: Playground): Promise<Seat> {
  const { root, upstream } = playground
  const sandbox = await bubblewrap()
  const git = createGitHost({
    directory: join(root, 'mirrors'),
    repositories: [],
    fileRoots: [join(root, 'upstreams')],
  })
  const { bare, base } = await git.open({ repository: { url: `file://${upstream}` }, tenant: TENANT })
  const workspace = join(root, 'seat', 'workspace')
  const history = join(root, 'seat', 'history')
  await mkdir(join(root, 'seat'), { recursive: true })
  await git.checkout({ bare, commit: base, directory: workspace })
  return { git, sandbox, snapshots: createSnapshots({ sandbox }), bare, base, workspace, history }
}

/** Runs the attack as a command of the agent. */
export async function playAttack({ sandbox, workspace }: Seat, playground: Playground, attack: Attack): Promise<void> {
  const played = await sandbox.run({
    workspace,
    command: ['bash', '-c', `${PRELUDE}\n${attack.script}`],
    environment: playground.variables(workspace),
    timeoutMs: COMMAND_LIMIT_MS,
    maxOutputBytes: KEPT_BYTES,
  })
  const said = Buffer.from(played.stderr).toString('utf8')
  if (played.exitCode !== 0) throw new Error(`The attack could not be played: ${said}`)
}

/** A snapshot of the workspace as it stands, carried into the host's repository. */
export async function carryOver(seat: Seat, knownTree?: string): Promise<Snapshot> {
  const { git, snapshots, bare, base, workspace, history } = seat
  const snapshot = await snapshots.take({
    workspace,
    history,
    bare,
    base,
    ...(knownTree !== undefined && { knownTree }),
    text: { message: 'Checkpoint 1.1', at: 0 },
    signal: AbortSignal.timeout(SNAPSHOT_LIMIT_MS),
  })
  if (snapshot.bundle) await git.importBundle({ bare, bundle: snapshot.bundle, commit: snapshot.commit })
  return snapshot
}

/** The way of a snapshot to the upstream: composed, shown, checked out for the verifier, pushed. */
export async function deliver(seat: Seat, playground: Playground, snapshot: string): Promise<Delivery> {
  const { git, bare, base } = seat
  const { commit } = await git.compose({
    bare,
    base,
    snapshot,
    protectedPaths: ['tests/**', '**/conftest.py'],
    defaults: [],
    text: { message: 'Answer\n', at: 1_700_000_000 },
  })
  const patch = await git.patch({ bare, base, commit })
  const files = await git.listFiles({ bare, commit, limit: 10_000 })
  const paths = ['GEMINI.md', 'AGENTS.md', 'src/answer.js', '.gitattributes']
  const shown = await git.readFiles({ bare, commit, paths, maxBytes: KEPT_BYTES })
  await git.checkout({ bare, commit, directory: join(playground.root, 'seat', 'verification') })
  const repository = { url: `file://${playground.upstream}` }
  await git.push({ bare, repository, tenant: TENANT, commit, branch: BRANCH })
  return { commit, files, published: [patch, ...shown.map(({ content }) => content)] }
}

/** Whether a program of the agent ran where the snapshots' own git directory is writable. */
export const historyTouched = ({ history }: Seat): boolean => existsSync(join(history, HISTORY_CANARY))
