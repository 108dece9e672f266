import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../../domain/errors.ts'
import type { GitHost } from '../../domain/ports/git.ts'
import { looseRef } from './loose-ref.ts'
import { OBJECT_ID } from './object-id.ts'
import { git, tryGit } from './run-git.ts'

/** Ref under which a snapshot travels in its bundle. */
const SNAPSHOT_REF = 'refs/heads/snapshot'
const CHECKPOINTS = 'refs/checkpoints'
/** The host's own trouble, which says nothing about the pack. */
const NO_ROOM = /No space left on device|Disk quota exceeded|Read-only file system/

/**
 * Takes the objects of a bundle in when every one of them is well formed and nothing they refer to is missing. Until
 * then they lie in a directory of their own: objects of a refused bundle must not be there when it comes again.
 * Not by `git fetch`: of a bundle it checks neither the objects (before git 2.46) nor, at a second try, that none is
 * missing.
 */
export const importBundle: GitHost['importBundle'] = async ({ bare, bundle, commit }) => {
  if (!OBJECT_ID.test(commit)) throw refused(`${JSON.stringify(commit.slice(0, 80))} is not the full id of a commit`)
  if (await isImported(bare, commit)) return
  const pack = packOf(bundle, commit)
  const quarantine = `incoming-${randomUUID()}`
  await mkdir(join(bare, quarantine, 'pack'), { recursive: true, mode: 0o700 })
  try {
    await check({ bare, quarantine, pack, commit })
    await admit(join(bare, quarantine, 'pack'), join(bare, 'objects', 'pack'))
  } finally {
    await rm(join(bare, quarantine), { recursive: true, force: true })
  }
  await git({ args: ['update-ref', `${CHECKPOINTS}/${commit}`, commit], directory: bare })
}

/** Only the ref tells: objects may be there for other reasons. One that git has packed away costs a second import. */
async function isImported(bare: string, commit: string): Promise<boolean> {
  return (await looseRef(bare, `${CHECKPOINTS}/${commit}`)) === commit
}

/** A bundle as `git bundle create` writes it, of a commit that no ref has to stand at. */
export function bundleOf(content: {
  readonly base: string
  readonly commit: string
  readonly pack: Uint8Array
}): Uint8Array {
  const { base, commit, pack } = content
  return Buffer.concat([Buffer.from(`# v2 git bundle\n-${base}\n${commit} ${SNAPSHOT_REF}\n\n`), pack])
}

/** The pack behind a bundle's header, which must name the commit as the snapshot. */
function packOf(bundle: Uint8Array, commit: string): Uint8Array {
  const bytes = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.byteLength)
  const end = bytes.indexOf('\n\n')
  const header = bytes.subarray(0, end + 1).toString('latin1')
  if (!header.startsWith('# v2 git bundle\n')) throw refused('it does not begin as a git bundle')
  if (!header.includes(`\n${commit} ${SNAPSHOT_REF}\n`)) throw refused(`it does not hold the commit ${commit}`)
  return bytes.subarray(end + 2)
}

async function check(incoming: {
  readonly bare: string
  readonly quarantine: string
  readonly pack: Uint8Array
  readonly commit: string
}): Promise<void> {
  const { bare, quarantine, pack, commit } = incoming
  // Relative to the repository: a list of paths has no safe way to hold a colon.
  const environment = { GIT_OBJECT_DIRECTORY: quarantine, GIT_ALTERNATE_OBJECT_DIRECTORIES: 'objects' }
  const inQuarantine = { directory: bare, environment }
  const indexed = await tryGit({
    ...inQuarantine,
    args: ['index-pack', '--stdin', '--fix-thin', '--strict'],
    stdin: pack,
  })
  if (indexed.exitCode !== 0) {
    if (NO_ROOM.test(indexed.stderr)) throw new Error(`The host cannot keep a checkpoint: ${indexed.stderr.trim()}`)
    throw refused(indexed.stderr)
  }
  const { stdout } = await tryGit({ ...inQuarantine, args: ['cat-file', '-t', commit] })
  if (stdout.toString().trim() !== 'commit') throw refused(`its pack does not hold the commit ${commit}`)
}

/** Moves a checked pack in. Git sees a pack by its index, so that (the first by name) comes last. */
async function admit(quarantine: string, packs: string): Promise<void> {
  const names = await readdir(quarantine)
  for (const name of names.toSorted().toReversed()) await rename(join(quarantine, name), join(packs, name))
}

const refused = (why: string): GatewayError =>
  new GatewayError(
    'workspace_refused',
    `A state of the workspace was refused (${why}). Nothing of it was taken over; give the task again, or look into what its agent wrote.`,
  )
