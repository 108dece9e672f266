import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { workflowBundle } from '../../workers/workflow-bundle.ts'

/** Two thirds are its source map; the rest is mostly the SDK. */
const MAX_BYTES = 2 * 1024 * 1024
const folder = mkdtempSync(join(tmpdir(), 'ocg-bundle-'))
let path: string
let code: string

beforeAll(async () => {
  path = await workflowBundle(folder)
  code = readFileSync(path, 'utf8')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('the bundle holds both workflows', () => {
  for (const file of ['workflows/manage-task.ts', 'workflows/build-task.ts']) expect(code).toContain(file)
})

it('the bundle holds nothing but domain, workflows and the workflow side of the SDK', () => {
  const modules = [...code.matchAll(/^\/\*\*\*\/ "(?<path>[^"]+)"$/gm)].map((match) => match.groups?.['path'] ?? '')
  expect(modules.length).toBeGreaterThan(30)
  const foreign = modules.filter((module) =>
    /\/(activities|adapters|api|workers|cli)\/|\/schemas\/|node_modules\/(zod|pg|hono)\//.test(
      module.replace(/^.*node_modules/, 'node_modules'),
    ),
  )
  expect(foreign).toEqual([])
})

it('the bundle is small enough to be loaded by every Manager', () => {
  expect(statSync(path).size).toBeLessThan(MAX_BYTES)
})

it('the bundle of the same sources is made once', async () => {
  const { mtimeMs } = statSync(path)
  expect(await workflowBundle(folder)).toBe(path)
  expect(statSync(path).mtimeMs).toBe(mtimeMs)
})
