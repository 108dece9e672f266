import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { runProcess } from './run-process.ts'

/** User ids that neither distributions nor systemd give to anybody, and that a container of 65,536 ids has as well. */
const FIRST = 60_706
const COUNT = 478
const WRITABLE_BY_ALL = 0o002
/** A work tree of a million files on a slow disk. */
const GIVE_LIMIT_MS = 10 * 60_000

/**
 * Whether this process is root and other users exist for it. The root of a container with one user id is an ordinary
 * user of the host, and is treated as one.
 */
export function canBecomeOthers(): boolean {
  if (process.getuid?.() !== 0) return false
  const ranges = readFileSync('/proc/self/uid_map', 'utf8').split('\n').filter(Boolean)
  return ranges.some((range) => {
    const [first = 0, , count = 0] = range.trim().split(/\s+/).map(Number)
    return first <= FIRST && FIRST + COUNT <= first + count
  })
}

/** What becoming another user, in a folder of that user's, needs of root's rights until it has happened. */
export const CAPABILITIES_TO_BECOME = ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP', 'CAP_DAC_READ_SEARCH']

/**
 * The user a workspace's commands run as when the gateway is root: nobody of this machine, and hardly ever that of
 * another workspace, so that neither files nor the count of processes are shared.
 */
export function userFor(workspace: string): number {
  const hash = createHash('sha256').update(workspace).digest()
  return FIRST + (hash.readUInt32LE() % COUNT)
}

/** The words before a command that make root that user for good. */
export const becoming = (user: number): readonly string[] => [
  ...['setpriv', '--reuid', String(user), '--regid', String(user), '--clear-groups'],
  ...['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'],
]

/**
 * Gives a folder the host made to the user, with everything in it. Once: what belongs to the user already has been
 * filled by commands, and root follows no path of theirs. A folder open to all stays as it is.
 */
export async function giveTo(user: number, folder: string): Promise<void> {
  const { uid, mode } = await stat(folder)
  if (uid === user || (mode & WRITABLE_BY_ALL) !== 0) return
  const { exitCode, stderr } = await runProcess({
    command: ['chown', '--recursive', '--no-dereference', `${user}:${user}`, folder],
    environment: { PATH: '/usr/bin:/bin' },
    directory: '/',
    timeoutMs: GIVE_LIMIT_MS,
    maxOutputBytes: 4_096,
  })
  if (exitCode !== 0)
    throw new Error(`${folder} was not given to user ${user}: ${Buffer.from(stderr).toString('utf8')}`)
}
