// What `bin/build.mjs` made, as long as no source is newer.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../', import.meta.url))
export const DIST = join(ROOT, 'dist')
export const MANIFEST = join(DIST, 'manifest.json')

/** `workers/builder.ts` → `workers.builder` */
export const nameOf = (entry) => entry.replace(/\.ts$/, '').replaceAll('/', '.')

/** The compiled file of an entry point given by its absolute path; undefined when there is none that is up to date. */
export function compiledOf(path) {
  const file = join(DIST, `${nameOf(relative(ROOT, path))}.mjs`)
  return existsSync(file) && isFresh() ? file : undefined
}

export function isFresh() {
  try {
    const { builtAt, inputs } = JSON.parse(readFileSync(MANIFEST, 'utf8'))
    return inputs.every((input) => statSync(join(ROOT, input)).mtimeMs < builtAt)
  } catch {
    return false
  }
}
