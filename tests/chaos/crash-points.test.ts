import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CrashTrap } from '../../chaos/crash-points/crash-trap.ts'
import { violationsOf, type Struck, type Told } from '../../chaos/crash-points/judge.ts'
import { EFFECTS, type Effect } from '../../chaos/crash-points/points.ts'
import { StatementReader } from '../../chaos/crash-points/statement-reader.ts'
import { FaultProxy } from '../../chaos/fault-proxy.ts'
import type { EventView } from '../../cli/client.ts'

const WORDS = 'insert into receipt'
const effect: Effect = { name: 'receipt', process: 'builder', life: 'whole', words: [WORDS], done: /COMMIT\0/ }
const words = [WORDS]

/** A message of PostgreSQL's protocol; that of the start has no type. */
function message(type: string, body: string): Buffer {
  const content = Buffer.from(body, 'latin1')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length + 4)
  return Buffer.concat([Buffer.from(type), length, content])
}
const START = message('', '\0\x03\0\0user\0gateway\0\0')
const parse = (name: string, statement: string) => message('P', `${name}\0${statement}\0\0\0`)
const bind = (name: string, value = '') => message('B', `\0${name}\0${value}`)

describe('what a client says to the database', () => {
  it('is read with its statement each time, also when that was prepared long before', () => {
    const reader = new StatementReader()
    expect(reader.read(Buffer.concat([START, parse('s1', WORDS), bind('s1', 'first')]))).toContain(
      `${WORDS}\0\0s1\0first`,
    )
    expect(reader.read(Buffer.concat([bind('s1', 'second'), parse('', 'commit')]))).toContain(`${WORDS}\0\0s1\0second`)
    expect(reader.read(bind('', ''))).toContain('commit')
  })

  it('is read once it is whole, however it is cut', () => {
    const reader = new StatementReader()
    const bytes = Buffer.concat([message('', '\x04\xd2\x16\x2f'), START, parse('s1', WORDS), bind('s1', 'value')])
    const read = [...bytes].map((byte) => reader.read(Buffer.from([byte])))
    expect(read.filter((said) => said !== '')).toEqual([`${WORDS}\0\0s1\0value`])
    expect(read.at(-1)).not.toBe('')
  })
})

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
    proxy.tap = trap.database
  })
  afterEach(async () => {
    await proxy.close()
    database.close()
  })

  /** A process that sends statements, each on a connection of its own, and ends when it heard that all are done. */
  function client(statements: readonly string[], behind = '') {
    const said = statements.map((statement) =>
      Buffer.concat([START, parse('s1', statement), bind('s1')]).toString('hex'),
    )
    const program = `
      const { connect } = require('node:net')
      const say = ([statement, ...others]) => {
        if (statement === undefined) process.exit(0)
        const socket = connect(${proxy.port}, '127.0.0.1', () =>
          socket.write(Buffer.concat([Buffer.from(statement, 'hex'), Buffer.from('${behind}'.repeat(100_000))])))
        socket.on('data', (bytes) => { process.stdout.write(bytes); if (String(bytes).includes('COMMIT')) say(others) })
      }
      say(${JSON.stringify(said)})`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    let heard = ''
    child.stdout.on('data', (bytes: Buffer) => (heard += bytes.toString()))
    return { pid: child.pid, heard: () => heard, ended: once(child, 'exit').then(([code, signal]) => signal ?? code) }
  }

  it.each([
    ['before', false],
    ['after', true],
  ] as const)(
    'kills %s the effect: that it has arrived is %s, and no news of it is heard',
    async (moment, expected) => {
      const struck = trap.arm({ effect, words, moment, gateway: process.pid })
      const victim = client([WORDS])
      expect([await struck, await victim.ended]).toEqual([victim.pid, 'SIGKILL'])
      expect(arrived.includes(WORDS)).toBe(expected)
      expect(victim.heard()).not.toContain('COMMIT')
    },
  )

  it('lets nothing arrive that was sent behind what it struck at', async () => {
    const struck = trap.arm({ effect, words, moment: 'before', gateway: process.pid })
    const { pid, ended } = client([WORDS], 'commit ')
    expect(await struck).toBe(pid)
    expect(await ended).toBe('SIGKILL')
    const other = client(['select 1'])
    await other.ended
    expect(arrived).not.toContain('commit')
  })

  it('spares who sends other statements, another kind of process, and everybody once it has struck', async () => {
    void trap.arm({ effect: { ...effect, process: 'gateway' }, words, moment: 'before', gateway: process.pid })
    expect(await client([WORDS]).ended).toBe(0)
    const armed = trap.arm({ effect, words, moment: 'before', gateway: process.pid })
    expect(await client(['insert into delivery']).ended).toBe(0)
    expect(await client([WORDS]).ended).toBe('SIGKILL')
    await armed
    expect(await client([WORDS]).ended).toBe(0)
  })

  it('kills after the effect also who was notified of it, and acts before it hears of it', async () => {
    const notified = { ...effect, done: /not yet/, acted: 'claim' }
    const struck = trap.arm({ effect: notified, words, moment: 'after', gateway: process.pid })
    const victim = client(['claim', WORDS, 'claim it'])
    expect([await struck, await victim.ended]).toEqual([victim.pid, 'SIGKILL'])
    expect(arrived).toContain(WORDS)
    expect(arrived).not.toContain('claim it')
  })

  it('spares who looks for work before there is any', async () => {
    const struck = trap.arm({
      effect: { ...effect, since: 'insert into outbox' },
      ...{ words, moment: 'before', gateway: process.pid },
    })
    expect(await client([WORDS]).ended).toBe(0)
    expect(await client(['insert into outbox']).ended).toBe(0)
    const victim = client([WORDS])
    expect([await struck, await victim.ended]).toEqual([victim.pid, 'SIGKILL'])
  })
})

describe('the list of effects', () => {
  it('names each once, with words of its own', () => {
    expect(new Set(EFFECTS.map(({ name }) => name)).size).toBe(EFFECTS.length)
    const known = EFFECTS.map(({ life, process, words: said }) => `${life} ${process} ${said?.join(' … ')}`)
    expect(new Set(known).size).toBe(EFFECTS.length)
  })
})

describe('a life that was struck', () => {
  const event = (sequence: number, type: string) => ({ sequence, type }) as EventView
  const call = { at: '', path: 'm:streamGenerateContent', status: 200, turn: 0 } as Struck['calls'][number]
  const update = { key: '0-before', ref: 'refs/heads/openclaw/task-1', commit: 'c' }
  const sound: Struck = {
    task: { id: 'task-1', state: 'completed', result: { verdict: 'passed', commit: 'c' } } as Struck['task'],
    events: [event(1, 'task-received'), event(2, 'task-ended')],
    tasks: 1,
    parts: [],
    updates: [update],
    calls: [call, { ...call, turn: 1 }, { ...call, turn: 1 }],
  }

  const part = { task: { ...sound.task, id: 'task-2' }, events: sound.events }

  it('is sound with one push, one call at most paid again, and whole events', () => {
    expect(violationsOf(sound)).toEqual([])
  })

  it.each<readonly [string, Partial<Struck>]>([
    ['it failed', { task: { ...sound.task, state: 'failed' } }],
    ['it was not verified', { task: { ...sound.task, result: { ...sound.task.result!, verdict: 'not_run' } } }],
    ['two tasks were made of its request', { tasks: 2 }],
    ['nothing was pushed', { updates: [] }],
    ['it was pushed twice', { updates: [update, update] }],
    ['two calls were paid again', { calls: [...sound.calls, call] }],
    ['one call was paid three times', { calls: [...sound.calls, { ...call, turn: 1 }] }],
    ['the model refused a request', { calls: [{ ...call, status: 400 }] }],
    ['an event is missing', { events: [event(1, 'task-received'), event(3, 'task-ended')] }],
    ['a pull request was opened twice', { pulls: ['https://forge/1', 'https://forge/2'] }],
    ['a part failed', { parts: [{ ...part, task: { ...part.task, state: 'failed' } }] }],
    ['an event of a part is missing', { parts: [{ ...part, events: [event(1, 'task-received')] }] }],
  ])('is not when %s', (_, change) => {
    expect(violationsOf({ ...sound, ...change })).toHaveLength(1)
  })

  const told = ({ unknown, chat }: { readonly unknown: number; readonly chat: Told }): Struck => ({
    ...sound,
    task: {
      ...sound.task,
      result: { ...sound.task.result!, summary: 'Done.' },
      notifications: { pending: 0, sent: 3, unknown, failed: 0, doubled: 0 },
    },
    chat,
  })
  const shown = ['🔧 Title', 'Which word?', '✅ Title\n\nDone.']
  const doubt = '⚠ I cannot tell whether my last message about task-1 reached you.'
  const known = { unknown: 0, chat: { shown, warnings: 0, isInDoubt: false } }
  const doubtful = { unknown: 1, chat: { shown: [doubt, ...shown.slice(1)], warnings: 1, isInDoubt: true } }

  it('may have come from a chat where its end was shown once, or is in doubt and said to be', () => {
    expect(violationsOf(told(known))).toEqual([])
    expect(violationsOf(told(doubtful))).toEqual([])
    expect(violationsOf(told({ ...doubtful, chat: { ...doubtful.chat, shown: [doubt, 'Which word?'] } }))).toEqual([])
  })

  it.each<readonly [string, Parameters<typeof told>[0], string]>([
    ['twice', { ...known, chat: { ...known.chat, shown: [...shown, 'Done.'] } }, 'the end was shown 2 times'],
    ['never', { ...known, chat: { ...known.chat, shown: shown.slice(0, 2) } }, 'the end was shown 0 times'],
    [
      'twice where it is in doubt',
      { ...doubtful, chat: { ...doubtful.chat, shown: [...doubtful.chat.shown, 'Done.'] } },
      'the end was shown 2 times',
    ],
    [
      'after a question that was asked twice',
      { ...known, chat: { ...known.chat, shown: [...shown, 'Which word?'] } },
      '3 other messages were shown',
    ],
    ['and counted as unknown', { ...known, unknown: 1 }, '1 messages are unknown, expected 0'],
    ['in doubt and not counted', { ...doubtful, unknown: 0 }, '0 messages are unknown, expected 1'],
    [
      'in doubt and its operator does not know',
      { ...doubtful, chat: { ...doubtful.chat, warnings: 0 } },
      'the operator was warned 0 times, expected 1',
    ],
    [
      'in doubt and the card does not say so',
      { ...doubtful, chat: { ...doubtful.chat, shown } },
      'that the end is in doubt is said: false',
    ],
  ])('is not sound when its end is told in a chat %s', (_, change, violation) => {
    expect(violationsOf(told(change))).toEqual([violation])
  })
})
