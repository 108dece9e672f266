import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CrashTrap } from '../../chaos/crash-points/crash-trap.ts'
import { violationsOf, type Struck } from '../../chaos/crash-points/judge.ts'
import { EFFECTS, type Effect } from '../../chaos/crash-points/points.ts'
import { FaultProxy } from '../../chaos/fault-proxy.ts'
import type { EventView } from '../../cli/client.ts'

const WORDS = 'insert into receipt'
const effect: Effect = { name: 'receipt', process: 'builder', words: WORDS, done: /COMMIT\0/ }

describe('a crash trap', () => {
  let database: Server
  let proxy: FaultProxy
  let trap: CrashTrap
  /** What reached the database. */
  let arrived = ''

  beforeEach(async () => {
    arrived = ''
    database = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => {
        arrived += bytes.toString()
        socket.write('INSERT 0 1\0')
        socket.write('COMMIT\0')
      })
    })
    await new Promise<void>((resolve) => database.listen(0, '127.0.0.1', resolve))
    proxy = await FaultProxy.to((database.address() as AddressInfo).port)
    trap = new CrashTrap()
    proxy.tap = trap.tap
  })
  afterEach(async () => {
    await proxy.close()
    database.close()
  })

  /** A process that sends a statement, tells what it hears, and ends when it heard that it is done. */
  function client(statement: string) {
    const program = `
      const socket = require('node:net').connect(${proxy.port}, '127.0.0.1', () => socket.write(${JSON.stringify(statement)}))
      socket.on('data', (bytes) => { process.stdout.write(bytes); if (String(bytes).includes('COMMIT')) process.exit(0) })`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    let heard = ''
    child.stdout.on('data', (bytes: Buffer) => (heard += bytes.toString()))
    return { pid: child.pid, heard: () => heard, ended: once(child, 'exit').then(([code, signal]) => signal ?? code) }
  }

  it.each([
    ['before', ''],
    ['after', WORDS],
  ] as const)('kills %s the effect: "%s" has arrived, and no news of it', async (moment, expected) => {
    const struck = trap.arm({ effect, moment, gateway: process.pid })
    const victim = client(WORDS)
    expect([await struck, await victim.ended]).toEqual([victim.pid, 'SIGKILL'])
    expect(arrived).toBe(expected)
    expect(victim.heard()).not.toContain('COMMIT')
  })

  it('spares who sends other statements, another kind of process, and everybody once it has struck', async () => {
    void trap.arm({ effect: { ...effect, process: 'gateway' }, moment: 'before', gateway: process.pid })
    expect(await client(WORDS).ended).toBe(0)
    const armed = trap.arm({ effect, moment: 'before', gateway: process.pid })
    expect(await client('insert into delivery').ended).toBe(0)
    expect(await client(WORDS).ended).toBe('SIGKILL')
    await armed
    expect(await client(WORDS).ended).toBe(0)
  })
})

describe('the list of effects', () => {
  it('names each once', () => {
    expect(new Set(EFFECTS.map(({ name }) => name)).size).toBe(EFFECTS.length)
    const known = EFFECTS.map(({ process, words }) => `${process} ${words}`)
    expect(new Set(known).size).toBe(EFFECTS.length)
  })
})

describe('a life that was struck', () => {
  const event = (sequence: number, type: string) => ({ sequence, type }) as EventView
  const call = { at: '', path: 'm:streamGenerateContent', status: 200, turn: 0 } as Struck['calls'][number]
  const update = { key: '0-before', ref: 'refs/heads/openclaw/task-1', commit: 'c' }
  const sound: Struck = {
    task: { id: 'task-1', state: 'completed', result: { verdict: 'passed', commit: 'c' } } as Struck['task'],
    ended: { events: [event(1, 'task-received'), event(2, 'task-ended')] } as unknown as Struck['ended'],
    updates: [update],
    calls: [call, { ...call, turn: 1 }, { ...call, turn: 1 }],
  }

  it('is sound with one push, one call at most paid again, and whole events', () => {
    expect(violationsOf(sound)).toEqual([])
  })

  it.each<readonly [string, Partial<Struck>]>([
    ['it failed', { task: { ...sound.task, state: 'failed' } }],
    ['it was not verified', { task: { ...sound.task, result: { ...sound.task.result!, verdict: 'not_run' } } }],
    ['nothing was pushed', { updates: [] }],
    ['it was pushed twice', { updates: [update, update] }],
    ['two calls were paid again', { calls: [...sound.calls, call] }],
    ['one call was paid three times', { calls: [...sound.calls, { ...call, turn: 1 }] }],
    ['the model refused a request', { calls: [{ ...call, status: 400 }] }],
    ['an event is missing', { ended: { events: [event(1, 'task-received'), event(3, 'task-ended')] } as never }],
  ])('is not when %s', (_, change) => {
    expect(violationsOf({ ...sound, ...change })).toHaveLength(1)
  })
})
