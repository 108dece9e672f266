import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const BUILT_AT = Date.parse('2026-01-02T00:00:00Z')
const seconds = (before: number) => BUILT_AT / 1_000 - before

let project: string
let compiledOf: (path: string) => string | undefined

/** A project with one compiled entry point and one module it imports. */
beforeEach(async () => {
  project = mkdtempSync(join(tmpdir(), 'ocg-compiled-'))
  for (const folder of ['bin', 'cli', 'dist']) mkdirSync(join(project, folder))
  copyFileSync('bin/compiled.mjs', join(project, 'bin/compiled.mjs'))
  for (const source of ['main', 'module']) {
    writeFileSync(join(project, `cli/${source}.ts`), '')
    utimesSync(join(project, `cli/${source}.ts`), seconds(60), seconds(60))
  }
  writeFileSync(join(project, 'dist/cli.main.mjs'), '')
  const inputs = ['cli/main.ts', 'cli/module.ts']
  writeFileSync(join(project, 'dist/manifest.json'), JSON.stringify({ builtAt: BUILT_AT, inputs }))
  const module = (await import(pathToFileURL(join(project, 'bin/compiled.mjs')).href)) as {
    compiledOf: typeof compiledOf
  }
  compiledOf = module.compiledOf
})
afterEach(() => rmSync(project, { recursive: true }))

const main = () => compiledOf(join(project, 'cli/main.ts'))

it('a compiled entry point is used while every source is older', () => {
  expect(main()).toBe(join(project, 'dist/cli.main.mjs'))
})

it('is not used when a module it imports was changed, or is gone', () => {
  utimesSync(join(project, 'cli/module.ts'), seconds(-1), seconds(-1))
  expect(main()).toBeUndefined()
  rmSync(join(project, 'cli/module.ts'))
  expect(main()).toBeUndefined()
})

it('is not used when there is none, or nobody knows what it was made of', () => {
  expect(compiledOf(join(project, 'cli/module.ts'))).toBeUndefined()
  rmSync(join(project, 'dist/manifest.json'))
  expect(main()).toBeUndefined()
})
