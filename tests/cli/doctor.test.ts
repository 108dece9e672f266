import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { anyPort } from '../../adapters/processes/ports.ts'
import { identify } from '../../adapters/processes/process-identity.ts'
import { useRecordingGateway } from '../support/recording-gateway.ts'

interface Report {
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string; next: string }[]
  readonly temporal: { readonly address: string; readonly namespace: string }
}

const gateway = useRecordingGateway()

async function doctor(environment: Record<string, string>) {
  const { code, stdout } = await gateway().ocg(['doctor', '--json'], environment)
  const report = JSON.parse(stdout) as Report
  const check = (name: string) => report.checks.find((other) => other.name === name)
  return { code, report, check }
}

describe('ocg doctor', () => {
  it('finds everything that is amiss at once, each with the next command, and exits 1', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const closed = await anyPort('127.0.0.1')
    const { code, report, check } = await doctor({
      PORT: String(port),
      SANDBOX: 'none',
      TEMPORAL_ADDRESS: `127.0.0.1:${closed}`,
      TEMPORAL_NAMESPACE: 'engineering',
      DATABASE_URL: `postgres://user:hunter2@127.0.0.1:${closed}/x`,
    })
    holder.close()
    expect(code).toBe(1)
    expect(report.checks.map(({ name }) => name)).toEqual([
      ...['node', 'git', 'port', 'temporal', 'postgresql', 'sandbox', 'key'],
    ])
    for (const { ok, detail, next } of report.checks) expect([detail !== '', next === '']).toEqual([true, ok])
    expect(check('node')).toEqual({ name: 'node', ok: true, detail: `Node ${process.versions.node}`, next: '' })
    expect(check('port')).toMatchObject({ ok: false, next: `PORT=${port + 1} npm start` })
    expect(check('port')?.detail).toContain(`(pid ${process.pid})`)
    expect(check('temporal')).toMatchObject({ ok: false, detail: `127.0.0.1:${closed} does not answer` })
    expect(check('postgresql')).toMatchObject({ ok: false, detail: 'DATABASE_URL does not answer' })
    expect(check('sandbox')).toMatchObject({ ok: false, next: 'unset SANDBOX' })
    expect(check('key')).toMatchObject({ ok: false, next: 'export GEMINI_API_KEY=…' })
    expect(report.temporal).toEqual({ address: `127.0.0.1:${closed}`, namespace: 'engineering' })
    expect(JSON.stringify(report)).not.toContain('hunter2')
  })

  it('finds a git that is too old to merge without a working tree', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ocg-old-git-'))
    writeFileSync(join(folder, 'git'), '#!/bin/sh\necho git version 2.37.9\n', { mode: 0o755 })
    const { check } = await doctor({ PATH: `${folder}:${process.env['PATH']}` })
    rmSync(folder, { recursive: true })
    expect(check('git')).toMatchObject({ ok: false, next: 'install git 2.38 or newer' })
  })

  it('on a machine without a gateway looks at what a start would find', async () => {
    const port = await anyPort('127.0.0.1')
    const { code, report, check } = await doctor({ PORT: String(port), GEMINI_API_KEY: 'AIza-hunter2' })
    expect(code).toBe(report.checks.every(({ ok }) => ok) ? 0 : 1)
    expect(check('port')).toMatchObject({ ok: true, detail: `127.0.0.1:${port} is free` })
    expect(check('key')).toMatchObject({ ok: true, detail: 'set; the model is gemini-3.1-pro-preview' })
    expect(report.temporal).toEqual({ address: '127.0.0.1:7233', namespace: 'default' })
    expect(JSON.stringify(report)).not.toContain('hunter2')
  })

  it('looks at the gateway that runs on the data directory', async () => {
    const owner = { ...identify(process.pid), url: gateway().url, temporalAddress: '127.0.0.1:9' }
    writeFileSync(join(gateway().dataDirectory, 'gateway.json'), JSON.stringify(owner))
    const { report, check } = await doctor({})
    expect(check('port')?.detail).toBe(`a gateway (pid ${process.pid}) listens at ${gateway().url}`)
    expect(check('postgresql')).toMatchObject({ ok: true, detail: 'embedded, running' })
    expect(report.temporal.address).toBe('127.0.0.1:9')
  })

  it('says the same to a person and ends with the one next command', async () => {
    const { code, stdout } = await gateway().ocg(['doctor'], { SANDBOX: 'none', PORT: '0' })
    expect(code).toBe(1)
    expect(stdout).toContain('✗ sandbox: SANDBOX=none: commands run on this host\n    next: unset SANDBOX\n')
    const [first] = stdout.split('\n').flatMap((line) => /^ {4}next: (.*)$/.exec(line)?.[1] ?? [])
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(`Next: ${first}`)
  })
})
