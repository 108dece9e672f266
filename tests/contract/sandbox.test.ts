import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { commandLines } from '../support/processes.ts'
import { bubblewrap } from '../support/programs.ts'
import { ran, temporaryFolder, unprotected } from '../support/sandboxed.ts'

/** Longer than a killed process needs to be gone, shorter than one that lives on takes to write again. */
const WATCHED_MS = 150
/** Duration of a `sleep` that no other process has, to find it among all of the machine. */
const uniqueSeconds = (): string => `3${Math.random().toString().slice(2, 9)}`
const isRunning = (words: string): boolean => commandLines().some((line) => line.includes(words))

describe.each([
  ['bubblewrap', bubblewrap],
  ['none', unprotected],
])('a command in the sandbox %s', (kind, create) => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await create()
  })

  test('runs in a sandbox of that kind', () => expect(sandbox.kind).toBe(kind))

  describe('tells how it ended', () => {
    test.each([
      ['exit 0', 0],
      ['exit 7', 7],
      ['exit 255', 255],
      ['kill -TERM $$', 128 + 15],
      ['kill -KILL $$', 128 + 9],
      ['kill -SEGV $$', 128 + 11],
    ])('%s gives %i', async (script, exitCode) => {
      expect(await ran(sandbox, script)).toMatchObject({ exitCode, timedOut: false, droppedBytes: 0 })
    })

    test('a program that is not there gives 127 and its name', async () => {
      expect(await ran(sandbox, ['no-such-program', 'x'])).toMatchObject({
        exitCode: 127,
        stdout: '',
        stderr: 'no-such-program: not found\n',
      })
    })

    test.each(['nowhere', 'a-file'])('a directory that cannot be entered (%s) gives 127', async (directory) => {
      const workspace = temporaryFolder()
      writeFileSync(join(workspace, 'a-file'), '')
      const { exitCode, stderr } = await ran(sandbox, ['true'], { workspace, directory })
      expect({ exitCode, stderr }).toEqual({ exitCode: 127, stderr: `${directory}: not a directory\n` })
    })

    test('a workspace that is not there is the host’s fault and rejects', async () => {
      await expect(ran(sandbox, ['true'], { workspace: '/nowhere/at/all' })).rejects.toThrow(
        /\/nowhere\/at\/all|ENOENT/,
      )
    })

    test('a program that complains like bubblewrap is believed to be what it is', async () => {
      const result = await ran(sandbox, 'echo "bwrap: execvp x: No such file or directory" >&2; exit 1')
      expect(result).toMatchObject({ exitCode: 1, stderr: 'bwrap: execvp x: No such file or directory\n' })
    })
  })

  describe('is given', () => {
    test.each([
      ['text', 'grüße\n', 'grüße\n'],
      ['bytes', Buffer.from('a\0b'), 'a\0b'],
      ['an empty text', '', ''],
      ['nothing, and sees the end at once', undefined, ''],
    ])('%s as its input', async (_, stdin, stdout) => {
      expect(await ran(sandbox, ['cat'], stdin === undefined ? {} : { stdin })).toMatchObject({ exitCode: 0, stdout })
    })

    test('more input than it reads', async () => {
      const stdin = Buffer.alloc(4 * 1024 * 1024, 'x')
      expect(await ran(sandbox, ['head', '-c', '3'], { stdin })).toMatchObject({ exitCode: 0, stdout: 'xxx' })
    })

    test('exactly the environment it should have', async () => {
      process.env['OCG_CANARY'] = 'secret-of-the-gateway'
      const environment = { GREETING: 'hello world', EMPTY: '' }
      const { stdout } = await ran(sandbox, ['cat', '/proc/self/environ'], { environment })
      delete process.env['OCG_CANARY']
      const variables = new Map(stdout.split('\0').filter(Boolean).map(pair))
      expect([...variables.keys()].toSorted()).toEqual(['EMPTY', 'GREETING', 'HOME', 'LANG', 'PATH', 'PWD', 'TERM'])
      expect(Object.fromEntries(variables)).toMatchObject({ ...environment, LANG: 'C.UTF-8', TERM: 'dumb' })
    })

    test('a home of its own that it can write and that is empty the next time', async () => {
      const once = () => ran(sandbox, 'ls -A ~ && echo x > ~/left-behind && ls ~')
      for (let times = 0; times < 2; times++) expect((await once()).stdout).toBe('left-behind\n')
    })

    test('the programs of the gateway’s own toolchain', async () => {
      const { stdout } = await ran(sandbox, 'node --version && rg --version | head -c 7 && git --version')
      expect(stdout).toMatch(new RegExp(`^${process.version}\nripgrepgit version`))
    })
  })

  describe('sees its files', () => {
    test('and changes them for the host as well', async () => {
      const workspace = temporaryFolder()
      writeFileSync(join(workspace, 'in.txt'), 'in')
      const { stdout } = await ran(sandbox, 'pwd; cat in.txt; printf out > out.txt', { workspace })
      expect(stdout).toBe(`${sandbox.pathOf(workspace)}\nin`)
      expect(readFileSync(join(workspace, 'out.txt'), 'utf8')).toBe('out')
    })

    test('from the directory it is started in', async () => {
      const workspace = temporaryFolder()
      await ran(sandbox, 'mkdir -p "a b/c"', { workspace })
      const { stdout } = await ran(sandbox, ['pwd'], { workspace, directory: 'a b/c' })
      expect(stdout).toBe(`${sandbox.pathOf(workspace)}/a b/c\n`)
    })

    test('and those of its mounts', async () => {
      const [source, other] = [temporaryFolder(), temporaryFolder()]
      writeFileSync(join(source, 'in.txt'), 'mounted')
      // Commands of a gateway of root are not root: what they are to read must be readable.
      chmodSync(source, 0o755)
      const read = { source, target: '/somewhere', writable: false }
      const write = { source: other, target: '/elsewhere/deep', writable: true }
      const script = `cat ${sandbox.pathOfMount(read)}/in.txt; printf out > ${sandbox.pathOfMount(write)}/out.txt`
      expect((await ran(sandbox, script, { mounts: [read, write] })).stdout).toBe('mounted')
      expect(readFileSync(join(other, 'out.txt'), 'utf8')).toBe('out')
    })
  })

  describe('is heard', () => {
    test('byte for byte, each stream by itself', async () => {
      const workspace = temporaryFolder()
      const script = String.raw`printf 'a\0\377\n'; printf 'to stderr' >&2`
      const command = ['sh', '-c', script] as const
      const result = await sandbox.run({ workspace, command, timeoutMs: 5_000, maxOutputBytes: 100 })
      expect(Buffer.from(result.stdout)).toEqual(Buffer.from([0x61, 0, 0xff, 0x0a]))
      expect(Buffer.from(result.stderr).toString()).toBe('to stderr')
    })

    test.each([
      [1_000, 1_000, 0],
      [1_000, 1_001, 1],
      [1_000, 5_000, 4_000],
      [1_003, 2_000, 997],
      [4, 1_000, 996],
      [0, 10, 10],
    ])(
      'in %i bytes: of %i the first quarter and the last three, %i dropped',
      async (maxOutputBytes, length, dropped) => {
        const whole = Array.from({ length }, (_, index) => String.fromCodePoint(97 + (index % 26))).join('')
        // In pieces, as a program writes that takes its time.
        const script = 'head -c 700; sleep 0.02; cat'
        const { stdout, droppedBytes } = await ran(sandbox, script, { stdin: whole, maxOutputBytes })
        const head = Math.floor(maxOutputBytes / 4)
        const tail = maxOutputBytes - head
        expect(droppedBytes).toBe(dropped)
        expect(stdout).toBe(dropped === 0 ? whole : whole.slice(0, head) + whole.slice(length - tail))
      },
    )

    test('on both streams with one sum of what was dropped', async () => {
      const script = 'head -c 300 /dev/zero; head -c 500 /dev/zero >&2'
      const { stdout, stderr, droppedBytes } = await ran(sandbox, script, { maxOutputBytes: 100 })
      expect([stdout.length, stderr.length, droppedBytes]).toEqual([100, 100, 600])
    })

    test('over 200 MB without the host keeping them', async () => {
      const before = process.memoryUsage().rss
      const { droppedBytes } = await ran(sandbox, 'head -c 200000000 /dev/zero', { maxOutputBytes: 1_000 })
      expect(droppedBytes).toBe(200_000_000 - 1_000)
      expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
    })
  })

  describe('is over when it is over', () => {
    test.each([
      ['in the background', '$WORK &'],
      ['with nohup', 'nohup $WORK & disown'],
      ['in a session of its own', 'setsid $WORK &'],
      ['forked twice', '(setsid sh -c "$WORK &" &)'],
      ['deaf to signals', `setsid sh -c 'trap "" TERM HUP INT; $WORK' &`],
      ['with its streams closed', 'setsid $WORK < /dev/null > /dev/null 2>&1 &'],
    ])('for a child %s as well', async (_, script) => {
      const workspace = temporaryFolder()
      writeFileSync(join(workspace, 'work.sh'), 'while :; do echo alive >> trace; sleep 0.02; done\n')
      const wait = 'until [ -s trace ]; do sleep 0.01; done'
      const environment = { WORK: 'sh work.sh' }
      const { exitCode, durationMs } = await ran(sandbox, `${script}\n${wait}; exit 3`, { workspace, environment })
      const trace = join(workspace, 'trace')
      const written = statSync(trace).size
      await pause(WATCHED_MS)
      expect({ exitCode, size: statSync(trace).size }).toEqual({ exitCode: 3, size: written })
      expect(durationMs).toBeLessThan(10_000)
    })

    test('at its time limit, with everything it started', async () => {
      const seconds = uniqueSeconds()
      const script = `sleep ${seconds} & setsid sleep ${seconds} & echo begun; sleep ${seconds}`
      const result = await ran(sandbox, script, { timeoutMs: 300 })
      expect(result).toMatchObject({ timedOut: true, stdout: 'begun\n' })
      expect(result.exitCode).toBeGreaterThan(128)
      expect(result.durationMs).toBeLessThan(10_000)
      expect(isRunning(`sleep ${seconds}`)).toBe(false)
    })

    test('at its time limit although it ignores the request to end', async () => {
      const seconds = uniqueSeconds()
      const script = `trap "" TERM; sleep ${seconds}; sleep ${seconds}`
      expect(await ran(sandbox, script, { timeoutMs: 100 })).toMatchObject({ timedOut: true })
      expect(isRunning(`sleep ${seconds}`)).toBe(false)
    })

    test('when it is aborted: it rejects with the reason after its processes are gone', async () => {
      const seconds = uniqueSeconds()
      const workspace = temporaryFolder()
      const abort = new AbortController()
      const script = `setsid sleep ${seconds} & touch begun; sleep ${seconds}`
      const abortOnceBegun = async () => {
        while (!existsSync(join(workspace, 'begun'))) await pause(10)
        abort.abort(new Error('the seat was lost'))
      }
      void abortOnceBegun()
      const running = ran(sandbox, script, { workspace, signal: abort.signal })
      await expect(running).rejects.toThrow('the seat was lost')
      expect(isRunning(`sleep ${seconds}`)).toBe(false)
    })

    test('before it begins when it was aborted before', async () => {
      const workspace = temporaryFolder()
      const signal = AbortSignal.abort(new Error('too late'))
      await expect(ran(sandbox, 'touch begun', { workspace, signal })).rejects.toThrow('too late')
      expect(existsSync(join(workspace, 'begun'))).toBe(false)
    })
  })

  test('runs beside others: two that wait for each other both end', async () => {
    const workspace = temporaryFolder()
    const meets = (mine: string, other: string) =>
      ran(sandbox, `touch ${mine}; until [ -e ${other} ]; do sleep 0.05; done`, { workspace })
    const both = await Promise.all([meets('one', 'two'), meets('two', 'one')])
    expect(both.map(({ exitCode, timedOut }) => [exitCode, timedOut])).toEqual([
      [0, false],
      [0, false],
    ])
  })
})

function pair(variable: string): readonly [string, string] {
  const at = variable.indexOf('=')
  return [variable.slice(0, at), variable.slice(at + 1)]
}
