import { beforeAll, describe, expect, it } from 'vitest'
import { kill } from '../../adapters/processes/kill.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import type { GeminiScript, ScriptedTurn } from '../../simulators/gemini/script.ts'
import { holderOf, submit, until } from '../support/gateway.ts'
import { eventOf, eventsOf, useScriptedGateway } from '../support/scripted-gateway.ts'
import { createUpstream, userGit, type Upstream } from '../support/upstream.ts'

const FILES = {
  'sum.mjs': 'export const sum = (a, b) => a - b\n',
  'product.mjs': 'export const product = (a, b) => a + b\n',
  'greeting.mjs': 'export const greeting = (name) => name\n',
  'CHANGES.md': '# Changes\n\nNothing yet.\n',
  'test/all.test.mjs': `import assert from 'node:assert'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { greeting } from '../greeting.mjs'
import { product } from '../product.mjs'
import { sum } from '../sum.mjs'

test('sums', () => assert.equal(sum(2, 3), 5))
test('multiplies', () => assert.equal(product(2, 3), 6))
test('greets', () => assert.equal(greeting('Ada'), 'Hello, Ada!'))
test('says what changed', () => assert.equal(readFileSync('CHANGES.md', 'utf8'), '# Changes\\n\\nThe sum.\\nThe product.\\n'))
`,
}

const write = (file_path: string, content: string) => ({ name: 'write_file', args: { file_path, content } })
const done = (summary: string): ScriptedTurn => ({ calls: [{ name: 'complete_task', args: { summary } }] })
const slowly = { name: 'run_shell_command', args: { command: 'sleep 3' } }

/** Two parts change the same line; the model refuses the third; the Builder of the whole puts both right. */
const script: GeminiScript = {
  tasks: [
    {
      match: 'The request was divided into parts',
      turns: [
        { calls: [{ name: 'read_file', args: { file_path: 'CHANGES.md' } }] },
        {
          calls: [
            write('CHANGES.md', '# Changes\n\nThe sum.\nThe product.\n'),
            write('greeting.mjs', 'export const greeting = (name) => `Hello, ${name}!`\n'),
          ],
        },
        done('Both changes are listed, and it greets.'),
      ],
    },
    {
      match: 'Let sum.mjs add',
      turns: [
        { calls: [write('sum.mjs', 'export const sum = (a, b) => a + b\n'), slowly] },
        { calls: [write('CHANGES.md', '# Changes\n\nThe sum.\n')] },
        done('It adds.'),
      ],
    },
    {
      match: 'Let product.mjs multiply',
      turns: [
        { calls: [write('product.mjs', 'export const product = (a, b) => a * b\n'), slowly] },
        { calls: [write('CHANGES.md', '# Changes\n\nThe product.\n')] },
        done('It multiplies.'),
      ],
    },
    { match: 'Let greeting.mjs greet', turns: [{ fault: 'safety' }] },
    {
      match: 'Repair the library',
      understanding: {
        ...{ title: 'Repair the library', kind: 'code', summary: 'Three repairs', priority: 3, risk: 'low' },
        subtasks: [
          { title: 'Repair the sum', prompt: 'Let sum.mjs add.' },
          { title: 'Repair the product', prompt: 'Let product.mjs multiply.' },
          { title: 'Repair the greeting', prompt: 'Let greeting.mjs greet.' },
        ],
      },
      turns: [],
    },
  ],
}

const ready = useScriptedGateway(script, { BUILDERS_MIN: '2', BUILDERS_MAX: '2', BUILDER_SEATS: '1' })
let upstream: Upstream
let whole: TaskView
let parts: readonly TaskView[]

const partsOf = (task: TaskView) => task.progress.plan.flatMap(({ taskId = [] }) => taskId)

beforeAll(async () => {
  const { client, repositories } = ready()
  upstream = createUpstream(FILES, repositories)
  const { id } = await submit(client, {
    prompt: 'Repair the library: three functions are wrong.',
    repository: { url: upstream.url },
    acceptance: { commands: ['node --test test/all.test.mjs'], protectedPaths: ['test'] },
  })
  const [first = ''] = partsOf(await until(client, id, 'building'))
  await eventOf(client, first, ({ type, name }) => type === 'tool-called' && name === 'run_shell_command')
  // Without any warning, in the middle of a command.
  kill((await holderOf(client, first)).pid, 'SIGKILL')
  whole = await until(client, id, 'ended')
  parts = await Promise.all(partsOf(whole).map((part) => client.json<TaskView>('GET', `/v1/tasks/${part}`)))
})

describe('a task in three parts on two builders, one of which is killed', () => {
  it('is completed by the real tests, though two parts conflict and one fails', () => {
    expect([whole.state, whole.result?.verdict, whole.error]).toEqual(['completed', 'passed', undefined])
    expect(parts.map(({ state }) => state)).toEqual(['completed', 'completed', 'failed'])
    expect(parts[2]?.error?.code).toBe('model_blocked')
    expect(whole.result?.summary).toContain('Repair the sum: It adds.')
  })

  it('is pushed as one branch, once', () => {
    const branch = `openclaw/${whole.id}`
    expect(upstream.updates()).toEqual([`${'0'.repeat(40)} ${whole.result?.commit} refs/heads/${branch}`])
    expect(userGit(upstream.directory, 'rev-parse', `${branch}^`)).toBe(upstream.head)
    expect(parts.map(({ result }) => result?.branch)).toEqual([undefined, undefined, undefined])
  })

  it('was moved on from the killed builder without a step done twice', async () => {
    const events = await eventsOf(ready().client, parts[0]?.id ?? '')
    expect(events.filter(({ type }) => type === 'builder-lost')).toHaveLength(1)
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
  })

  it('costs what it and its parts cost together', () => {
    const { simulator } = ready()
    expect(whole.cost.modelCalls).toBe(simulator.ledger.length)
    const inParts = parts.reduce((sum, { cost }) => sum + cost.modelCalls, 0)
    expect(inParts).toBe(3 + 3 + 1)
    expect(whole.cost.modelCalls).toBe(1 + inParts + 3)
    expect(simulator.ledger.filter(({ status }) => status !== 200)).toEqual([])
  })

  it('stands alone in the list of tasks; its parts belong to it and are changed through it', async () => {
    const { client } = ready()
    const { items } = await client.json<{ items: TaskView[] }>('GET', '/v1/tasks')
    expect(items.map(({ id }) => id)).toEqual([whole.id])
    expect(parts.map(({ parentId }) => parentId)).toEqual([whole.id, whole.id, whole.id])
    await expect(client.json('POST', `/v1/tasks/${parts[2]?.id}/retry`)).rejects.toMatchObject({ code: 'conflict' })
  })
})
