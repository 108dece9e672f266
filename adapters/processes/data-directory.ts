import { randomUUID } from 'node:crypto'
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../../domain/errors.ts'
import { end, identify, isAlive, type ProcessIdentity } from './process-identity.ts'

const OWNER = 'gateway.json'
const CHILDREN = 'children'
/** An orphaned database needs a moment to write its pages. */
const ORPHAN_LIMIT_MS = 10_000

/** What stands in DATA_DIR/gateway.json while a gateway owns the directory. */
export interface DirectoryOwner extends ProcessIdentity {
  readonly url?: string
  readonly temporalAddress?: string
  readonly temporalNamespace?: string
  readonly temporalUiUrl?: string
  readonly hasModelCredential?: boolean
}

/** A data directory this process owns. */
export interface ClaimedDirectory {
  /** Tells clients of this machine where the gateway listens. */
  publish(addresses: Omit<DirectoryOwner, keyof ProcessIdentity>): Promise<void>
  /** Remembers a child, so that a start after a crash can end it. */
  remember(child: { readonly name: string; readonly pid: number }): Promise<void>
  forget(name: string): Promise<void>
  release(): Promise<void>
}

/**
 * Makes this process the only owner of a data directory and ends what a killed owner left running. Throws
 * `already_running`, naming the owner, when a living gateway has it.
 */
export async function claimDirectory(directory: string): Promise<ClaimedDirectory> {
  await mkdir(join(directory, CHILDREN), { recursive: true, mode: 0o700 })
  const self = identify(process.pid) ?? { pid: process.pid, startedAt: '' }
  await claim(join(directory, OWNER), self)
  await endOrphans(join(directory, CHILDREN))
  const child = (name: string) => join(directory, CHILDREN, `${name}.json`)
  return {
    publish: (addresses) => replaceFile(join(directory, OWNER), { ...self, ...addresses }),
    async remember({ name, pid }) {
      const identity = identify(pid)
      if (identity) await replaceFile(child(name), identity)
    },
    forget: (name) => rm(child(name), { force: true }),
    release: () => rm(join(directory, OWNER), { force: true }),
  }
}

/** The living owner of a data directory. */
export async function ownerOf(directory: string): Promise<DirectoryOwner | undefined> {
  const owner = await readOwner(join(directory, OWNER))
  return owner && isAlive(owner) ? owner : undefined
}

async function claim(file: string, self: ProcessIdentity): Promise<void> {
  const own = `${file}.${randomUUID()}`
  await writeFile(own, JSON.stringify(self), { mode: 0o600 })
  try {
    for (;;) {
      // A link appears whole or not at all, and only when nobody else's stands there.
      const taken = await link(own, file).then(
        () => false,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error
          return true
        },
      )
      if (!taken) return
      const owner = await readOwner(file)
      if (owner && isAlive(owner)) throw alreadyRunning(owner)
      const stale = `${file}.${randomUUID()}`
      await rename(file, stale).catch(() => undefined)
      await rm(stale, { force: true })
    }
  } finally {
    await rm(own, { force: true })
  }
}

async function endOrphans(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  await Promise.all(
    names.map(async (name) => {
      const orphan = await readOwner(join(folder, name))
      if (orphan) await end(orphan, { signal: 'SIGINT', limitMs: ORPHAN_LIMIT_MS })
      await rm(join(folder, name), { force: true })
    }),
  )
}

async function readOwner(file: string): Promise<DirectoryOwner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DirectoryOwner
  } catch {
    return undefined
  }
}

async function replaceFile(file: string, content: object): Promise<void> {
  const partial = `${file}.${randomUUID()}`
  await writeFile(partial, JSON.stringify(content), { mode: 0o600 })
  await rename(partial, file)
}

const alreadyRunning = ({ pid, url }: DirectoryOwner): GatewayError =>
  new GatewayError(
    'already_running',
    `A gateway already runs on this data: pid ${pid}${url === undefined ? '' : `, ${url}`}. Use that one, stop it (kill ${pid}), or set DATA_DIR to another folder.`,
  )
