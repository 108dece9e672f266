import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { kill } from '../../adapters/processes/kill.ts'

it.each([0, -0, 1, -1, 1.5, Number.NaN])(
  '%s is refused: the system would take it for many processes, or for init',
  (pid) => {
    expect(() => kill(pid, 'SIGCONT')).toThrow(RangeError)
  },
)

it('a signal to a process that has ended is none', async () => {
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const pid = Number(child.pid)
  const ended = once(child, 'exit')
  expect(kill(pid, 'SIGKILL')).toBe(true)
  expect(await ended).toEqual([null, 'SIGKILL'])
  expect(kill(pid, 'SIGKILL')).toBe(false)
})
