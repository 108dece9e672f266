import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const BUNDLER = [join(ROOT, 'bin/run.mjs'), join(ROOT, 'workers/bundle-workflows.ts')]

const run = promisify(execFile)

/**
 * Path of the bundled workflow code, made once per content of `domain/` and `workflows/`: bundling takes seconds and a
 * hundred megabytes, reading the result milliseconds.
 */
export async function workflowBundle(dataDirectory: string): Promise<string> {
  const prepared = await preparedBundle()
  if (await exists(prepared)) return prepared
  const folder = join(dataDirectory, 'cache')
  const path = join(folder, basename(prepared))
  if (await exists(path)) return path
  await mkdir(folder, { recursive: true })
  // Written aside and renamed: another process never reads half a bundle.
  const partial = `${path}.${process.pid}`
  await run(process.execPath, [...BUNDLER, partial])
  await rename(partial, path)
  return path
}

/** Where `bin/build.mjs` puts the bundle of this content. */
export async function preparedBundle(): Promise<string> {
  return join(ROOT, 'dist', `workflows-${await digestOfSources()}.js`)
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

async function digestOfSources(): Promise<string> {
  const hash = createHash('sha256')
  hash.update(createRequire(import.meta.url)('@temporalio/worker/package.json').version as string)
  for (const room of ['domain', 'workflows']) {
    const files = (await readdir(join(ROOT, room), { recursive: true }))
      .filter((name) => name.endsWith('.ts'))
      .toSorted()
    for (const file of files) hash.update(file).update(await readFile(join(ROOT, room, file)))
  }
  return hash.digest('hex').slice(0, 16)
}
