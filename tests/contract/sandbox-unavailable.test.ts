import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createSandbox } from '../../adapters/sandbox/create-sandbox.ts'
import { installedBubblewrap } from '../../adapters/sandbox/find-bubblewrap.ts'
import { bubblewrap, bubblewrapFolder } from '../support/programs.ts'
import { ran, temporaryFolder } from '../support/sandboxed.ts'

const PRODUCT = fileURLToPath(new URL('../../', import.meta.url))
const LIBRARIES = realpathSync(`${PRODUCT}node_modules`)

/** Asks for a sandbox inside a sandbox, which is a host where no namespace can be made. */
const ASKING = `
  import { createSandbox } from '${PRODUCT}adapters/sandbox/create-sandbox.ts'
  const sandbox = await createSandbox({ mode: process.argv[2], programs: '${bubblewrapFolder}' })
  const request = { workspace: '/workspace', command: ['touch', 'ran'], timeoutMs: 1000, maxOutputBytes: 10 }
  const { code, message } = await sandbox.run(request).catch((error) => error)
  console.log(JSON.stringify({ kind: sandbox.kind, path: sandbox.pathOf('/workspace'), code, message }))`

async function asked(mode: string, more: readonly { source: string; target: string }[] = []) {
  const mounts = [...[PRODUCT, LIBRARIES].map((path) => ({ source: path, target: path })), ...more]
  const workspace = temporaryFolder()
  const { stdout, stderr } = await ran(
    await bubblewrap(),
    `cat > /tmp/ask.mts; node "${LIBRARIES}/tsx/dist/cli.mjs" /tmp/ask.mts ${mode}; ls`,
    { workspace, stdin: ASKING, mounts: mounts.map((mount) => ({ ...mount, writable: false })) },
  )
  expect(stderr).toBe('')
  const [line = '', ...files] = stdout.trim().split('\n')
  return { ...(JSON.parse(line) as { kind: string; path: string; code?: string; message?: string }), files }
}

describe('on a host that has no sandbox', () => {
  test.each(['auto', 'bubblewrap'])('SANDBOX=%s refuses every command, with the cause and the remedy', async (mode) => {
    const { kind, code, message, files } = await asked(mode)
    expect({ kind, code, files }).toEqual({ kind: 'unavailable', code: 'sandbox_unavailable', files: [] })
    expect(message).toMatch(/^Commands cannot run here because this host has no sandbox \(bwrap: .+\)\. /)
    for (const words of ['apt-get install bubblewrap', 'SANDBOX=none', '`ocg doctor`']) expect(message).toContain(words)
  })

  test('a bubblewrap that does not even start is named', async () => {
    const program = installedBubblewrap(bubblewrapFolder) ?? ''
    const { kind, message } = await asked('auto', [{ source: '/dev/null', target: program }])
    expect(kind).toBe('unavailable')
    expect(message).toContain(`(${program} does not start)`)
  })

  test('SANDBOX=none runs commands, because somebody chose so', async () => {
    expect(await asked('none')).toEqual({ kind: 'none', path: '/workspace', files: ['ran'] })
  })
})

describe('on an architecture whose system calls are not known', () => {
  const architecture = 'riscv64'

  test.each(['auto', 'bubblewrap'] as const)('SANDBOX=%s refuses every command, with the remedy', async (mode) => {
    const sandbox = await createSandbox({ mode, programs: bubblewrapFolder, architecture })
    expect(sandbox.kind).toBe('unavailable')
    const remedy = /no system calls are known of riscv64\)\. Run the gateway on x64 or arm64, or .* SANDBOX=none/
    await expect(ran(sandbox, 'true')).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      message: expect.stringMatching(remedy),
    })
  })

  test('SANDBOX=none runs commands all the same', async () => {
    const sandbox = await createSandbox({ mode: 'none', programs: bubblewrapFolder, architecture })
    expect((await ran(sandbox, 'echo ran')).stdout).toBe('ran\n')
  })
})

test('with a sandbox SANDBOX=auto takes it', async () => {
  expect((await createSandbox({ mode: 'auto', programs: bubblewrapFolder })).kind).toBe('bubblewrap')
})
