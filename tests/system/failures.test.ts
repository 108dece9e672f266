import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, describe } from 'vitest'
import type { ScriptedTask } from '../../simulators/gemini/script.ts'
import { submit, until } from '../support/gateway.ts'
import { eventsOf, useScriptedGateway } from '../support/scripted-gateway.ts'
import { userGit } from '../support/upstream.ts'

const call = (name: string, args: Record<string, unknown>) => ({ name, args })
const done = { calls: [call('complete_task', { summary: 'It is done.' })] }

/** Each prompt names the task of the script that plays it. */
const tasks: ScriptedTask[] = [
  {
    match: 'wrong arguments',
    turns: [{ calls: [call('read_file', { file: 'x' }), call('replace', { file_path: 3 })] }, done],
  },
  { match: 'unknown tool', turns: [{ calls: [call('launch_rocket', {})] }, done] },
  { match: 'outside', turns: [{ calls: [call('read_file', { file_path: '/etc/passwd' })] }, done] },
  { match: 'malformed call', turns: [{ fault: 'malformed-call' }] },
  { match: 'unsafe', turns: [{ fault: 'safety' }] },
  { match: 'blocked', turns: [{ fault: 'blocked' }] },
  { match: 'empty answer', turns: [{ fault: 'empty' }] },
  { match: 'cut by tokens', turns: [{ fault: 'max-tokens' }] },
  { match: 'no candidate', turns: [{ fault: 'no-candidates' }] },
  { match: 'broken stream', turns: [{ fault: 'cut', faultTimes: 1, ...done }] },
  { match: 'overloaded', turns: [{ fault: 'overloaded', faultTimes: 1, ...done }] },
  { match: 'error in the stream', turns: [{ fault: 'stream-error', faultTimes: 1, ...done }] },
  { match: 'spent quota', turns: [{ fault: 'quota-exhausted' }] },
  { match: 'endless turns', turns: Array.from({ length: 9 }, () => ({ calls: [call('glob', { pattern: '*' })] })) },
  { match: 'endless check', turns: [done] },
  { match: 'what is a monad', understanding: { kind: 'question', answer: 'A burrito.' }, turns: [] },
  { match: 'hello', turns: [{ text: 'Hello.' }] },
]

const started = useScriptedGateway({ tasks })

async function ended(prompt: string, more: object = {}) {
  const { client } = started()
  const { id } = await submit(client, { prompt, kind: 'code', ...more })
  return until(client, id, 'ended')
}

describe('a repository', () => {
  it('that does not exist ends the task with repository_not_found and names the URL', async () => {
    const url = `file://${join(started().repositories, 'nowhere')}`
    const task = await ended('hello', { repository: { url } })
    expect([task.state, task.error?.code]).toEqual(['failed', 'repository_not_found'])
    expect(task.error?.message).toContain(url)
  })

  it('without the branch that was named ends the task with repository_not_found and names the branch', async () => {
    const directory = join(started().repositories, 'plain')
    mkdirSync(directory)
    userGit(directory, 'init', '--quiet', '--initial-branch=main')
    userGit(directory, 'commit', '--quiet', '--allow-empty', '-m', 'Start')
    const task = await ended('hello', { repository: { url: `file://${directory}`, ref: 'no-such-branch' } })
    expect([task.state, task.error?.code]).toEqual(['failed', 'repository_not_found'])
    expect(task.error?.message).toContain('no-such-branch')
  })
})

describe('a tool call', () => {
  it.each([
    ['wrong arguments', /file_path/],
    ['unknown tool', /There is no tool launch_rocket/],
    ['outside', /lies outside the workspace/],
  ])('with %s is answered with what is wrong, and the task goes on', async (prompt, message) => {
    const task = await ended(prompt)
    expect([task.state, task.result?.verdict]).toEqual(['completed', 'not_run'])
    const { items } = await started().client.json<{ items: { type: string; response?: { error?: string } }[] }>(
      'GET',
      `/v1/tasks/${task.id}/transcript`,
    )
    expect(items.find(({ type }) => type === 'tool')?.response?.error).toMatch(message)
  })
})

describe('a model answer', () => {
  it.each([
    ['malformed call', 'model_malformed'],
    ['empty answer', 'model_malformed'],
    ['cut by tokens', 'model_malformed'],
    ['no candidate', 'model_malformed'],
    ['unsafe', 'model_blocked'],
    ['blocked', 'model_blocked'],
    ['spent quota', 'model_quota_exhausted'],
  ])('with %s at every try ends the task failed with %s', async (prompt, code) => {
    const task = await ended(prompt)
    expect([task.state, task.error?.code]).toEqual(['failed', code])
    expect(task.error?.message.length).toBeGreaterThan(20)
  })

  it.each(['broken stream', 'overloaded', 'error in the stream'])('with %s once is asked again', async (prompt) => {
    const task = await ended(prompt)
    expect([task.state, task.result?.summary]).toEqual(['completed', 'It is done.'])
    // The understanding and one answered turn are paid; what never arrived is not.
    expect(task.cost.modelCalls).toBe(2)
  })

  it('that cannot be used is paid all the same', async () => {
    const task = await ended('empty answer')
    expect(task.cost.modelCalls).toBe(4)
  })
})

describe('a limit', () => {
  it('of 2 turns ends the task failed with max_turns', async () => {
    const task = await ended('endless turns', { constraints: { maxTurns: 2 } })
    expect([task.state, task.error?.code, task.progress.turn]).toEqual(['failed', 'max_turns', 2])
  })

  it('in time ends a check that never does, and the task expired', async () => {
    const deadline = new Date(Date.now() + 6_000).toISOString()
    const directory = join(started().repositories, 'endless')
    mkdirSync(directory)
    userGit(directory, 'init', '--quiet', '--initial-branch=main')
    userGit(directory, 'commit', '--quiet', '--allow-empty', '-m', 'Start')
    const task = await ended('endless check', {
      repository: { url: `file://${directory}` },
      acceptance: { commands: ['sleep 1000'] },
      constraints: { deadline },
    })
    expect([task.state, task.error?.code]).toEqual(['expired', 'expired'])
  })
})

describe('a question', () => {
  it('is answered at once, without a Builder', async () => {
    const task = await ended('what is a monad', { kind: 'question' })
    expect([task.state, task.result?.summary, task.builder]).toEqual(['completed', 'A burrito.', undefined])
    const types = (await eventsOf(started().client, task.id)).map(({ type }) => type)
    expect(types).toEqual(['task-received', 'task-understood', 'task-ended'])
  })
})

it('a task without repository and checks ends completed with verdict not_run and the model’s words', async () => {
  const task = await ended('hello')
  expect([task.state, task.result?.verdict, task.result?.summary]).toEqual(['completed', 'not_run', 'Hello.'])
})
