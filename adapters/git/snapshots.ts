import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { GatewayError } from '../../domain/errors.ts'
import type { Snapshot, Snapshots } from '../../domain/ports/git.ts'
import type { Sandbox, SandboxResult } from '../../domain/ports/sandbox.ts'
import { identityAt } from './identity.ts'
import { bundleOf } from './import-bundle.ts'
import { OBJECT_ID } from './object-id.ts'

/** Adding a large work tree for the first time reads every file. */
const SNAPSHOT_LIMIT_MS = 5 * 60_000
/** A change larger than this is not source code; it would not fit a database row either. */
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024

const SCRIPT = readFileSync(new URL('./take-snapshot.sh', import.meta.url), 'utf8')

const SETTINGS = {
  'core.autocrlf': 'false',
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.protectHFS': 'true',
  'core.protectNTFS': 'true',
  // The history can be made again from the workspace: nobody waits for the disk.
  'core.fsync': 'none',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'safe.directory': '*',
  // Bundles are written in a moment and read once: time is dearer than bytes.
  'core.compression': '1',
  'pack.threads': '1',
  'advice.addEmbeddedRepo': 'false',
}

/** Snapshots through a sandbox. */
export function createSnapshots({ sandbox }: { readonly sandbox: Sandbox }): Snapshots {
  return {
    async take(request): Promise<Snapshot> {
      await mkdir(request.history, { recursive: true, mode: 0o700 })
      const history = { source: request.history, target: '/history', writable: true }
      const bare = { source: request.bare, target: '/repository', writable: false }
      const place = sandbox.pathOfMount(history)
      const result = await sandbox.run({
        workspace: request.workspace,
        writable: false,
        mounts: [history, bare],
        command: ['sh', '-c', SCRIPT],
        environment: {
          WORKSPACE: sandbox.pathOf(request.workspace),
          HISTORY: place,
          BARE: sandbox.pathOfMount(bare),
          BASE: request.base,
          KNOWN_TREE: request.knownTree ?? '',
          MESSAGE: request.text.message,
          // A name nobody can have guessed: the workspace holds no file of it.
          PLACEHOLDER: `.placeholder-${randomUUID()}`,
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_CONFIG_GLOBAL: '/dev/null',
          GIT_ATTR_NOSYSTEM: '1',
          ...asVariables({ ...SETTINGS, 'core.excludesFile': `${place}/excluded` }),
          ...identityAt(request.text.at),
        },
        timeoutMs: SNAPSHOT_LIMIT_MS,
        maxOutputBytes: MAX_BUNDLE_BYTES,
        ...(request.signal && { signal: request.signal }),
      })
      return parse(result, request.base)
    },
  }
}

function asVariables(values: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(values)
  const pairs = entries.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key] as const,
    [`GIT_CONFIG_VALUE_${index}`, value] as const,
  ])
  return { GIT_CONFIG_COUNT: String(entries.length), ...Object.fromEntries(pairs) }
}

function parse(result: SandboxResult, base: string): Snapshot {
  if (result.droppedBytes > 0)
    throw new GatewayError(
      'workspace_too_large',
      `The change is larger than ${MAX_BUNDLE_BYTES / 1024 / 1024} MiB. Keep generated and large files out of the repository (.gitignore).`,
    )
  if (result.timedOut) throw refused(`it took longer than ${SNAPSHOT_LIMIT_MS / 60_000} minutes`)
  const output = Buffer.from(result.stdout)
  const end = output.indexOf('\n')
  const [commit = '', tree = ''] = output.subarray(0, Math.max(0, end)).toString('utf8').split(' ')
  if (result.exitCode !== 0 || !OBJECT_ID.test(commit) || !OBJECT_ID.test(tree)) {
    const said = Buffer.from(result.stderr).toString('utf8').trim().slice(-1_000)
    throw refused(said || `exit code ${result.exitCode}`)
  }
  const pack = output.subarray(end + 1)
  return pack.length > 0 ? { commit, tree, bundle: bundleOf({ base, commit, pack }) } : { commit, tree }
}

const refused = (why: string): GatewayError =>
  new GatewayError(
    'workspace_refused',
    `The files of the workspace cannot be recorded (${why}). Remove, rename or ignore (.gitignore) what is named here, and try again.`,
  )
