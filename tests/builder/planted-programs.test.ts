import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { useBuilders, type TestBuilder } from '../support/builder.ts'
import { calls } from '../support/scripted-model.ts'
import { temporaryFolder } from '../support/sandboxed.ts'

const pool = useBuilders()
let builder: TestBuilder
beforeEach(() => void (builder = pool.builder()))

/** Commands have a /tmp of their own: what stands in the host's was left by a process of the host. */
const MARKER = `ocg-planted-${process.pid}-`
const left = (): readonly string[] => readdirSync('/tmp').filter((name) => name.startsWith(MARKER))
afterEach(() => {
  for (const name of left()) rmSync(join('/tmp', name))
})

const SHELL = `touch /tmp/${MARKER}shell`
const NODE = `require('fs').writeFileSync('/tmp/${MARKER}node', '')`
/** What programs load before their own work, and where they look for being told to. */
const variablesIn = (folder: string) => ({
  BASH_ENV: `${folder}/evil.sh`,
  ENV: `${folder}/evil.sh`,
  LD_PRELOAD: `${folder}/evil.so`,
  NODE_OPTIONS: `--require=${folder}/evil.cjs`,
  PYTHONSTARTUP: `${folder}/evil.py`,
  GIT_SSH_COMMAND: `sh ${folder}/evil.sh`,
  GIT_EXTERNAL_DIFF: `${folder}/evil.sh`,
})

test('what a command plants for others to load is loaded by no process of the host, and by no later command', async () => {
  const { fence } = await pool.task(builder, { acceptance: { commands: ['env'] } })
  const variables = Object.entries(variablesIn('/workspace')).map(([name, value]) => `${name}=${value}`)
  const files = ['.env', '.envrc', '.profile', '.bash_profile', '.bashrc', '.npmrc', '.gitconfig', 'environment']
  const planting = [
    `echo '${SHELL}' > evil.sh; echo "${NODE}" > evil.cjs; cp evil.sh evil.so; chmod +x evil.*`,
    ...variables.map(
      (line) => `export ${line}; echo 'export ${line}' | tee -a ${files.join(' ')} ~/.bashrc ~/.profile`,
    ),
    `echo 'node-options=--require=/workspace/evil.cjs' >> .npmrc`,
  ]
  await builder.play(fence, 1, planting.join('\n'))
  await builder.play(fence, 2, 'env')
  const [, told] = await answers(fence.taskId)
  for (const line of variables) expect(told).not.toContain(line.split('=')[0])
  builder.model.will(calls(['read_file', { file_path: 'evil.sh' }], ['grep_search', { pattern: 'evil' }]))
  await builder.run('takeTurn', { ...fence, turn: 3 })
  for (const position of [0, 1]) await builder.run('runTool', { ...fence, turn: 3, position })
  const { verdict } = await builder.run('verifyDelivery', { ...fence, attempt: 1, at: 0 })
  expect(verdict).toBe('passed')
  expect(left()).toEqual([])
})

async function answers(taskId: string): Promise<readonly string[]> {
  const entries = await pool.store.conversations.transcript(taskId)
  return entries.filter((entry) => entry['type'] === 'tool').map((entry) => JSON.stringify(entry['response']))
}

test('a process of the host that was given such variables would load it', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'evil.sh'), SHELL)
  writeFileSync(join(folder, 'evil.cjs'), NODE)
  const { BASH_ENV, NODE_OPTIONS } = variablesIn(folder)
  const PATH = '/usr/bin:/bin'
  execFileSync('bash', ['-c', 'true'], { env: { PATH, BASH_ENV }, stdio: 'ignore' })
  execFileSync(process.execPath, ['--eval', '0'], { env: { PATH, NODE_OPTIONS } })
  expect(left().toSorted()).toEqual([`${MARKER}node`, `${MARKER}shell`])
})
