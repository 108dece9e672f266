import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, inject, it } from 'vitest'
import { anyPort } from '../../adapters/processes/ports.ts'
import { startTemporal } from '../../adapters/temporal/temporal-server.ts'

/** Into the middle of a look for the server: a connection is tried anew about 1.0 and 2.6 s after the first. */
const INTO_A_LOOK_MS = 2_200

const directory = mkdtempSync(join(tmpdir(), 'ocg-temporal-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

it("is not ready by the answers of another gateway's server, which was faster on its port", async () => {
  const [grpc, ui, http, metrics] = [await free(), await free(), await free(), await free()]
  const slow = join(directory, 'slow-temporal')
  writeFileSync(slow, '#!/bin/sh\nsleep 6\necho "the port is taken"\nexit 1\n', { mode: 0o755 })
  const start = (name: string, program: string) =>
    startTemporal({
      program,
      directory,
      database: join(directory, `${name}.db`),
      log: join(directory, `${name}.log`),
      namespace: 'default',
      ports: { grpc, ui, http, metrics },
    })
  const loser = start('loser', slow).catch(String)
  await delay(INTO_A_LOOK_MS)
  const winner = await start('winner', inject('temporalProgram'))
  try {
    expect(await loser).toMatch(/^Error: It ended\..*the port is taken$/s)
  } finally {
    await winner.stop()
  }
})

const free = () => anyPort('127.0.0.1')
