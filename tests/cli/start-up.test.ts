import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ocg } from '../support/gateway.ts'

/** What a command that only talks to a gateway is made of; `tsx` and `esbuild` where it is compiled while it is loaded. */
const PACKAGES = ['commander', 'esbuild', 'eventsource-parser', 'tsx', 'zod']
const folder = mkdtempSync(join(tmpdir(), 'ocg-loaded-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Addresses of every script that was loaded, as V8's own coverage lists them. */
async function loadedBy(args: readonly string[]): Promise<readonly string[]> {
  const coverage = mkdtempSync(join(folder, 'run-'))
  await ocg(args, { NODE_V8_COVERAGE: coverage, DATA_DIR: folder })
  return readdirSync(coverage).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(coverage, name), 'utf8')) as { result: { url: string }[] }
    return result.map(({ url }) => url)
  })
}

describe('a command that talks to a gateway', () => {
  it.each([['--help'], ['task list']])(
    '`ocg %s` loads nothing of a gateway itself: it answers in a fraction of the time',
    async (words) => {
      const loaded = await loadedBy(words.split(' '))
      const packages = loaded.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
      expect(packages).toContain('commander')
      expect([...new Set(packages)].filter((name) => !PACKAGES.includes(name))).toEqual([])
    },
  )
})
