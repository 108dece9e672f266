import { mkdir } from 'node:fs/promises'
import { GatewayError } from '../../domain/errors.ts'
import type { Snapshot, Snapshots } from '../../domain/ports/git.ts'
import type { Sandbox, SandboxResult } from '../../domain/ports/sandbox.ts'
import { identityAt } from './identity.ts'
import { SNAPSHOT_REF } from './import-bundle.ts'

/** Adding a large work tree for the first time reads every file. */
const SNAPSHOT_LIMIT_MS = 5 * 60_000
/** A change larger than this is not source code; it would not fit a database row either. */
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024

/**
 * Runs inside the sandbox, in a git directory the workspace's owner never sees: the workspace's own `.git`, its hooks
 * and its configuration are never read, and what a hostile file could still trigger meets the sandbox.
 */
const SCRIPT = `
set -eu
export GIT_WORK_TREE="$WORKSPACE" GIT_DIR="$HISTORY"
if [ ! -f "$HISTORY/index" ]; then
  git init --quiet --template= >&2
  printf '%s\\n' "$BARE/objects" > "$HISTORY/objects/info/alternates"
  git read-tree "$BASE"
fi
cd "$WORKSPACE"
git add --all -- . >&2
tree=$(git write-tree)
known=$KNOWN_TREE
[ -n "$known" ] || known=$(git rev-parse "$BASE^{tree}")
commit=$(git commit-tree "$tree" -p "$BASE" -m "$MESSAGE")
printf '%s %s\\n' "$commit" "$tree"
[ "$tree" != "$known" ] || exit 0
git update-ref ${SNAPSHOT_REF} "$commit"
git bundle create --quiet - ${SNAPSHOT_REF} "^$BASE"
`

/** Snapshots through a sandbox. */
export function createSnapshots({ sandbox }: { readonly sandbox: Sandbox }): Snapshots {
  return {
    async take(request): Promise<Snapshot> {
      await mkdir(request.history, { recursive: true, mode: 0o700 })
      const history = { source: request.history, target: '/history', writable: true }
      const bare = { source: request.bare, target: '/repository', writable: false }
      const result = await sandbox.run({
        workspace: request.workspace,
        writable: false,
        mounts: [history, bare],
        command: ['sh', '-c', SCRIPT],
        environment: {
          WORKSPACE: sandbox.pathOf(request.workspace),
          HISTORY: sandbox.pathOfMount(history),
          BARE: sandbox.pathOfMount(bare),
          BASE: request.base,
          KNOWN_TREE: request.knownTree ?? '',
          MESSAGE: request.text.message,
          GIT_CONFIG_NOSYSTEM: '1',
          GIT_CONFIG_GLOBAL: '/dev/null',
          GIT_ATTR_NOSYSTEM: '1',
          ...settings({
            'core.autocrlf': 'false',
            'core.hooksPath': '/dev/null',
            'core.fsmonitor': 'false',
            'gc.auto': '0',
            'maintenance.auto': 'false',
            'safe.directory': '*',
            // Bundles are written in a moment and read once: time is dearer than bytes.
            'core.compression': '1',
            'pack.threads': '1',
            'advice.addEmbeddedRepo': 'false',
          }),
          ...identityAt(request.text.at),
        },
        timeoutMs: SNAPSHOT_LIMIT_MS,
        maxOutputBytes: MAX_BUNDLE_BYTES,
        ...(request.signal && { signal: request.signal }),
      })
      return parse(result)
    },
  }
}

function settings(values: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(values)
  const pairs = entries.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key] as const,
    [`GIT_CONFIG_VALUE_${index}`, value] as const,
  ])
  return { GIT_CONFIG_COUNT: String(entries.length), ...Object.fromEntries(pairs) }
}

function parse(result: SandboxResult): Snapshot {
  if (result.droppedBytes > 0)
    throw new GatewayError(
      'workspace_too_large',
      `The change is larger than ${MAX_BUNDLE_BYTES / 1024 / 1024} MiB. Keep generated and large files out of the repository (.gitignore).`,
    )
  const output = Buffer.from(result.stdout)
  const end = output.indexOf('\n')
  const [commit, tree] = output.subarray(0, Math.max(0, end)).toString('utf8').split(' ')
  if (result.exitCode !== 0 || commit === undefined || tree === undefined) {
    const said = Buffer.from(result.stderr).toString('utf8').trim().slice(-1_000)
    throw new GatewayError(
      'workspace_refused',
      `The workspace cannot be recorded: ${said || `exit code ${result.exitCode}`}`,
    )
  }
  const bundle = output.subarray(end + 1)
  return bundle.length > 0 ? { commit, tree, bundle } : { commit, tree }
}
