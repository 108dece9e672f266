import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { quietEnvironment, useBuilders, type TestBuilder } from '../support/builder.ts'
import { startSilentServer, type SilentServer } from '../support/silent-server.ts'

const pool = useBuilders()
let remote: SilentServer
let builder: TestBuilder

beforeEach(async () => {
  remote = await startSilentServer()
  builder = pool.builder({ repositories: [{ name: 'app', url: remote.url }] })
})
afterEach(() => remote.close())

/** A clone that waits for the remote's first word. */
async function hangingClone() {
  const { fence } = await pool.task(builder, { repository: { url: 'app' } })
  const environment = quietEnvironment()
  const connected = remote.connected()
  const clone = builder.run('prepareWorkspace', fence, environment)
  clone.catch(() => undefined)
  await connected
  return { fence, environment, clone }
}

describe('a clone from a remote that says nothing', () => {
  test('ends with its cancelled step, and no process of it stays', { timeout: 10_000 }, async () => {
    const { environment, clone } = await hangingClone()
    expect(remote.clients()).not.toEqual([])
    environment.cancel()
    await expect(clone).rejects.toMatchObject({ name: 'CancelledFailure' })
    expect(remote.clients()).toEqual([])
  })

  test('ends with the seat it was made for', { timeout: 10_000 }, async () => {
    const { fence, clone } = await hangingClone()
    builder.seats.close(fence)
    await expect(clone).rejects.toMatchObject({ code: 'seat_lost' })
    expect(remote.clients()).toEqual([])
  })

  test('goes on while another step waits for it', { timeout: 10_000 }, async () => {
    const { fence, environment, clone } = await hangingClone()
    const other = new AbortController()
    const turn = builder.workspaces.of(fence, other.signal)
    turn.catch(() => undefined)
    environment.cancel()
    await expect(clone).rejects.toMatchObject({ name: 'CancelledFailure' })
    expect(remote.clients()).not.toEqual([])
    other.abort(new Error('the other gave up too'))
    await expect(turn).rejects.toThrow('the other gave up too')
    expect(remote.clients()).toEqual([])
  })

  test('that was cancelled is begun anew by the next step', { timeout: 20_000 }, async () => {
    const { fence, environment, clone } = await hangingClone()
    environment.cancel()
    const again = quietEnvironment()
    const connected = remote.connected()
    const next = builder.run('prepareWorkspace', fence, again)
    next.catch(() => undefined)
    await expect(clone).rejects.toMatchObject({ name: 'CancelledFailure' })
    await connected
    again.cancel()
    await expect(next).rejects.toMatchObject({ name: 'CancelledFailure' })
    expect(remote.clients()).toEqual([])
  })
})
