import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { orderProcess, type OrderedProcess, type ProcessOrder } from '../../adapters/processes/fork-server.ts'
import { kill } from '../../adapters/processes/kill.ts'

const PATH = '/usr/local/bin:/usr/bin:/bin'

function start(script: string, more: Partial<ProcessOrder> = {}) {
  const said: Buffer[] = []
  const process: OrderedProcess = orderProcess({
    ...{ file: 'sh', args: ['-c', script], directory: '/', environment: { PATH } },
    ...{ onStdout: (bytes) => said.push(bytes), onStderr: (bytes) => said.push(bytes) },
    ...more,
  })
  return { process, said: () => Buffer.concat(said) }
}

async function played(script: string, more: Partial<ProcessOrder> = {}) {
  const { process, said } = start(script, more)
  const exit = await process.exit
  await process.close
  return { ...exit, said: said().toString() }
}

/** The small process beside this one. */
const serverPid = (): number =>
  Number(
    readdirSync('/proc').find((pid) => {
      try {
        const parent = /^PPid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
        return (
          parent === String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('fork-server.cjs')
        )
      } catch {
        return false
      }
    }),
  )

describe('an ordered process', () => {
  test('has the words, the folder, the inputs and the environment it was given, and nothing more', async () => {
    const order = {
      directory: '/usr',
      stdin: 'one',
      extraInput: Buffer.from('two'),
      environment: { PATH, WORD: 'three' },
    }
    const script = 'pwd; cat; echo; cat <&3; echo; env | sort | grep -v "^_=\\|^PWD=\\|^SHLVL="'
    expect(await played(script, order)).toEqual({
      ...{ code: 0, signal: null },
      said: `/usr\none\ntwo\nPATH=${PATH}\nWORD=three\n`,
    })
  })

  test('without input reads none, and holds no way to who started it', async () => {
    const script = 'cat; for fd in /proc/self/fd/*; do readlink $fd; done | grep -c socket'
    // Its errors; what it prints goes to grep.
    expect((await played(script)).said.trim()).toBe('1')
  })

  test('tells how it ended', async () => {
    expect(await played('exit 7')).toMatchObject({ code: 7, signal: null })
    expect(await played('kill -TERM $$')).toMatchObject({ code: null, signal: 'SIGTERM' })
  })

  test('gives all its output in order, however much', async () => {
    const { process, said } = start('seq 1 3000000')
    await process.close
    const lines = said().toString().trim().split('\n')
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([3_000_000, '1', '3000000'])
  })

  test('leads a group of its own when asked to', async () => {
    const { process } = start('sleep 500 & sleep 500; :', { ownGroup: true })
    kill(-(await process.pid), 'SIGKILL')
    expect(await process.exit).toEqual({ code: null, signal: 'SIGKILL' })
    await process.close
  })

  test('whose output somebody else holds is let go', async () => {
    const { process, said } = start('sleep 500 & echo $!')
    expect(await process.exit).toEqual({ code: 0, signal: null })
    await expect.poll(() => said().toString()).toMatch(/^\d+\n$/)
    process.abandon()
    await process.close
    kill(Number(said().toString()), 'SIGKILL')
  })

  test.each([
    ['ENOENT', { file: 'no-such-program' }],
    ['ENOENT', { directory: '/no-such-folder' }],
    ['ENOTDIR', { directory: '/etc/passwd' }],
    ['E2BIG', { args: ['-c', ':', 'x'.repeat(4_000_000)] }],
  ])('that cannot start says %s', async (code, more) => {
    const { process } = start(':', more)
    await expect(process.pid).rejects.toMatchObject({ code })
    await expect(process.close).rejects.toMatchObject({ code })
    expect(await played('echo fine')).toMatchObject({ code: 0, said: 'fine\n' })
  })
})

test('many processes at once have each their own output', async () => {
  const all = await Promise.all(Array.from({ length: 40 }, (_, index) => played(`echo ${index}; exit ${index}`)))
  expect(all.map(({ code, said }) => [code, said])).toEqual(all.map((_, index) => [index, `${index}\n`]))
})

test('when the small process is gone, what it ran is lost with a reason, and the next one starts', async () => {
  const { process } = start('sleep 500', { ownGroup: true })
  const pid = await process.pid
  kill(serverPid(), 'SIGKILL')
  await expect(process.exit).rejects.toThrow('The process that starts commands has ended.')
  kill(-pid, 'SIGKILL')
  expect(await played('echo again')).toMatchObject({ code: 0, said: 'again\n' })
})
