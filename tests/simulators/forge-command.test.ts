import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FAULTS } from '../../simulators/forge/faults.ts'
import { startCommand, temporaryFolder, testUsage } from '../support/simulator-command.ts'

const start = (...flags: readonly string[]) => startCommand('forge', flags)

describe('the command', () => {
  test('says where it is and what to clone, answers, notes, and ends on SIGTERM', async () => {
    const ledger = join(await temporaryFolder(), 'calls.jsonl')
    const command = await start('--kind', 'gitea', '--token', 'ghp_x', '--ledger', ledger)
    await expect.poll(() => command.said()).toContain('repository: ')
    const [, url, apiUrl] = /^Forge simulator at (\S+) - REST at (\S+), the token is ghp_x\n/.exec(command.said()) ?? []
    expect(command.said()).toContain(`repository: ${url}/acme/demo.git\n`)
    const answer = await fetch(`${apiUrl}/repos/acme/demo`, { headers: { authorization: 'token ghp_x' } })
    expect(await answer.json()).toMatchObject({ full_name: 'acme/demo', default_branch: 'main' })
    const [line = ''] = (await readFile(ledger, 'utf8')).split('\n')
    expect(JSON.parse(line)).toMatchObject({ operation: 'repository', status: 200 })
    command.child.kill('SIGTERM')
    expect(await once(command.child, 'exit')).toEqual([0, null])
  })

  testUsage('forge', {
    mistakes: [
      [['--port', 'many'], '--port is "many": give a whole number from 0 to 65535.'],
      [['--kind', 'svn'], '--kind is svn: give github or gitea.'],
      [['--token', 'two words'], '--token has blanks or is empty.'],
      [['--repository', '../x'], '--repository is no NAME or NAME=PATH.'],
      [['--wrong'], "Unknown option '--wrong'"],
    ],
    options: ['port', 'kind', 'token', 'repository', 'ledger', 'help'],
  })
})

test('the README names the faults there are', async () => {
  const readme = await readFile('simulators/forge/README.md', 'utf8')
  const faults = /## Faults([^]*?)## Ledger/.exec(readme)?.[1] ?? ''
  const rows = [...faults.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) => names.match(/[a-z-]+/g))
  expect(new Set(rows)).toEqual(new Set(FAULTS))
})
