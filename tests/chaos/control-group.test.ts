import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { isAlive, identify } from '../../adapters/processes/process-identity.ts'
import { ControlGroup } from '../../chaos/control-group.ts'

const group = ControlGroup.create(`ocg-test-${process.pid}`)

it.skipIf(!group)('holds what a program left behind, under whatever name, and ends it', async () => {
  const program = spawn('sh', ['-c', 'read go; env -i setsid sleep 300 & echo $!'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  group?.adopt(program.pid ?? 0)
  program.stdin.end('go\n')
  const [said] = (await once(program.stdout, 'data')) as [Buffer]
  if (program.exitCode === null) await once(program, 'exit')
  const left = identify(Number(said.toString()))
  expect(group?.pids).toEqual([Number(said.toString())])
  await group?.remove()
  expect(left && isAlive(left)).toBe(false)
})
