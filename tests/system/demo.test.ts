import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { dataDirectory, ocg } from '../support/gateway.ts'

let data: ReturnType<typeof dataDirectory>
beforeEach(() => {
  data = dataDirectory()
})
afterEach(() => data.remove())

it('the demo exits 0 with a patch that applies, verdict passed, cost and links', async () => {
  const { code, stdout, stderr } = await ocg(['demo'], { DATA_DIR: data.path, PORT: '0' })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^verdict: passed$/m)
  expect(stdout).toMatch(/^cost: \$0\.\d+ \(\d+ model calls/m)
  expect(stdout).toMatch(/^Temporal Web UI: http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/task-/m)
  expect(stdout).toMatch(/✗ exit code 1[\s\S]*✓ exit code 0/)

  const patch = /^diff --git[\s\S]*?(?=\n\n[^ +\-@\\])/m.exec(stdout)?.[0] ?? ''
  const [repository] = readdirSync(join(data.path, 'demo'))
  const applied = () =>
    execFileSync('git', ['apply', '--check', '-'], {
      cwd: join(data.path, 'demo', repository ?? ''),
      input: `${patch}\n`,
    })
  expect(applied).not.toThrow()
})
