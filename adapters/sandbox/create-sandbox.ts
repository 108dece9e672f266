import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GatewayError } from '../../domain/errors.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { createBubblewrapSandbox } from './bubblewrap-sandbox.ts'
import { findControlGroups } from './control-groups.ts'
import { installedBubblewrap } from './find-bubblewrap.ts'
import { createHostSandbox } from './host-sandbox.ts'
import { seccompFilter } from './seccomp-filter.ts'
import { canBecomeOthers } from './unprivileged-user.ts'

const run = promisify(execFile)
const PROBE_LIMIT_MS = 10_000

/** What must hold inside: nothing of the host in sight, the workspace writable, a user without rights, limits. */
const TRIAL = `
test ! -e /etc/passwd || { echo 'the host is in sight'; exit 1; } >&2
test -w . || { echo 'the workspace cannot be written'; exit 1; } >&2
test "$(id -u)" != 0 || { echo 'commands would run as root'; exit 1; } >&2
for bound in c d f n; do
  test "$(ulimit -H$bound)" != unlimited || { echo "the limit $bound does not hold"; exit 1; } >&2
done`

/**
 * The sandbox of this host: `auto` and `bubblewrap` take bubblewrap when a trial run works, else one that refuses every
 * command with the remedy; `none` runs commands on the host.
 */
export async function createSandbox(options: {
  readonly mode: 'auto' | 'bubblewrap' | 'none'
  /** Folder of the gateway's own copy of bubblewrap, for hosts that have none. */
  readonly programs: string
  /** Of this machine. */
  readonly architecture?: NodeJS.Architecture
}): Promise<Sandbox> {
  if (options.mode === 'none') return createHostSandbox()
  const { architecture = process.arch } = options
  const filter = seccompFilter(architecture)
  // Namespaces without it leave the whole kernel open to whoever is inside.
  if (filter === undefined)
    return refusing(`no system calls are known of ${architecture}`, 'Run the gateway on x64 or arm64')
  const bwrap = installedBubblewrap(options.programs)
  if (bwrap === undefined) return unavailable('bubblewrap is not installed')
  const help = await helpOf(bwrap)
  if (help === undefined) return unavailable(`${bwrap} does not start`)
  const understands = (option: string) => help.includes(option)
  const sandbox = createBubblewrapSandbox({ bwrap, understands, filter, groups: await findControlGroups() })
  const fault = await probe(sandbox)
  return fault === undefined ? sandbox : unavailable(fault)
}

const helpOf = (program: string): Promise<string | undefined> =>
  run(program, ['--help']).then(
    ({ stdout }) => stdout,
    () => undefined,
  )

async function probe(sandbox: Sandbox): Promise<string | undefined> {
  const workspace = await mkdtemp(join(tmpdir(), 'ocg-probe-'))
  try {
    const command = ['sh', '-ec', TRIAL] as const
    const result = await sandbox.run({ workspace, command, timeoutMs: PROBE_LIMIT_MS, maxOutputBytes: 4_096 })
    if (result.exitCode === 0) return undefined
    const said = Buffer.from(result.stderr).toString('utf8').trim()
    return said === '' ? `bubblewrap ended with ${result.exitCode}` : said
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await rm(workspace, { recursive: true, force: true })
  }
}

function unavailable(reason: string): Sandbox {
  const remedy = canBecomeOthers()
    ? 'start the gateway as an ordinary user (root needs CAP_SYS_ADMIN and setpriv to give its rights up)'
    : 'allow user namespaces'
  return refusing(reason, `Install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap) and ${remedy}`)
}

/** Stands where no sandbox is; the boundary is never dropped silently. */
function refusing(reason: string, remedy: string): Sandbox {
  const message = `Commands cannot run here because this host has no sandbox (${reason}). ${remedy}, or accept the risk with SANDBOX=none. \`ocg doctor\` shows the state.`
  return {
    kind: 'unavailable',
    pathOf: (workspace) => workspace,
    pathOfMount: ({ source }) => source,
    run: () => Promise.reject(new GatewayError('sandbox_unavailable', message)),
  }
}
