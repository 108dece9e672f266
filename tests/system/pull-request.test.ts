import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kill } from '../../adapters/processes/kill.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { loadTask } from '../../fixtures/load-task.ts'
import { materialise } from '../../fixtures/materialise.ts'
import { scriptFor } from '../../fixtures/script-for.ts'
import type { ForgeRepository } from '../../simulators/forge/repositories.ts'
import { startForgeSimulator, type ForgeSimulator } from '../../simulators/forge/server.ts'
import { holderOf, submit, until } from '../support/gateway.ts'
import { eventsOf, useScriptedGateway } from '../support/scripted-gateway.ts'

const fixture = loadTask(join(import.meta.dirname, '../../fixtures/tasks/csv-records'))
/** A value nothing else has. */
const TOKEN = 'ghp_canary0123456789canary0123456789canar'
const root = mkdtempSync(join(tmpdir(), 'ocg-forge-'))
const repositoriesFile = join(root, 'repositories.json')
let forge: ForgeSimulator
const remotes: Record<string, ForgeRepository> = {}

beforeAll(async () => {
  forge = await startForgeSimulator({ token: TOKEN })
  const source = join(root, 'source')
  await materialise(fixture, source)
  const credentialFile = join(root, 'token')
  writeFileSync(credentialFile, `${TOKEN}\n`, { mode: 0o600 })
  const entries = ['one', 'killed', 'limited'].map((name) => {
    remotes[name] = forge.createRepository(name, source)
    return { name, url: forge.cloneUrl(name), credentialFile, forge: { type: 'github', apiUrl: forge.apiUrl } }
  })
  writeFileSync(repositoriesFile, JSON.stringify(entries))
})

const started = useScriptedGateway(scriptFor({ task: fixture, variant: 'straight' }), {
  REPOSITORIES_FILE: repositoriesFile,
  PUBLIC_URL: 'https://gateway.example',
})

afterAll(async () => {
  await forge.close()
  rmSync(root, { recursive: true, force: true })
})

const submitTo = (name: string): Promise<TaskView> =>
  submit(started().client, {
    prompt: fixture.prompt,
    repository: { url: name },
    acceptance: { commands: [fixture.command], protectedPaths: fixture.tests },
  })

const pagesOf = (name: string): readonly string[] =>
  (remotes[name]?.pulls ?? []).map(({ number }) => `${forge.url}/acme/${name}/pull/${number}`)

describe('a task on a repository of a forge', () => {
  it('is cloned, pushed once and ends with exactly one pull request', async () => {
    const { id } = await submitTo('one')
    const task = await until(started().client, id, 'ended')
    expect([task.state, task.result?.verdict, task.error]).toEqual(['completed', 'passed', undefined])
    expect(remotes['one']?.updates()).toEqual([`${'0'.repeat(40)} ${task.result?.commit} refs/heads/openclaw/${id}`])
    expect([task.result?.pullRequest]).toEqual(pagesOf('one'))
    const [pull] = remotes['one']?.pulls ?? []
    expect(pull).toMatchObject({ title: task.title, head: `openclaw/${id}`, base: 'main', sha: task.result?.commit })
    expect(pull?.body).toContain(
      `[\`${id}\`](https://gateway.example/tasks/${id}). Verdict of the verifier: **passed**.`,
    )
    expect(pull?.body).toContain(`exit 0  $ ${fixture.command}`)
  })

  it('leaves the token of the forge in no record', async () => {
    const { client, gateway, simulator } = started()
    const [{ id } = { id: '' }] = (await client.json<{ items: TaskView[] }>('GET', '/v1/tasks')).items
    const connection = await Connection.connect({ address: gateway.temporalAddress })
    const { events } = await new Client({ connection }).workflow.getHandle(id).fetchHistory()
    await connection.close()
    const records: Record<string, string> = {
      task: await client.text(`/v1/tasks/${id}`),
      events: JSON.stringify(await eventsOf(client, id)),
      transcript: await client.text(`/v1/tasks/${id}/transcript`),
      history: JSON.stringify(events),
      prompts: JSON.stringify(simulator.ledger),
      log: gateway.log(),
      pull: JSON.stringify(remotes['one']?.pulls),
    }
    const encoded = Buffer.from(`x-access-token:${TOKEN}`).toString('base64')
    const leaks = Object.entries(records).filter(([, text]) => text.includes(TOKEN) || text.includes(encoded))
    expect(leaks.map(([name]) => name)).toEqual([])
    expect(records['transcript']).toContain('complete_task')
  })
})

describe('a builder that is killed between the request and the answer', () => {
  it('leaves exactly one pull request, which the next builder finds', async () => {
    const { client } = started()
    forge.failNext('hang-after', { operation: 'create' })
    const { id } = await submitTo('killed')
    const before = forge.ledger.of('create').length
    await expect.poll(() => forge.ledger.of('create').length, { timeout: 60_000 }).toBe(before + 1)
    kill((await holderOf(client, id)).pid, 'SIGKILL')
    const task = await until(client, id, 'ended')
    expect([task.state, task.result?.verdict, task.builder?.attempt]).toEqual(['completed', 'passed', 2])
    expect([task.result?.pullRequest]).toEqual(pagesOf('killed'))
    expect(remotes['killed']?.updates()).toHaveLength(1)
    expect(forge.ledger.of('create')).toHaveLength(before + 1)
  })
})

describe('a forge that opens nothing now', () => {
  it('leaves the task completed with its branch, and the summary says why and what to do', async () => {
    forge.failNext('primary-limit', { operation: 'find' })
    const { id } = await submitTo('limited')
    const { state, result } = await until(started().client, id, 'ended')
    expect([state, result?.verdict, result?.branch]).toEqual(['completed', 'passed', `openclaw/${id}`])
    expect([result?.pullRequest, pagesOf('limited')]).toEqual([undefined, []])
    expect(result?.summary).toContain(
      `The branch openclaw/${id} has no pull request: The forge at ${forge.apiUrl} answered 403`,
    )
    expect(result?.summary).toMatch(/It asks to wait \d+ s; open the pull request then\.$/)
  })
})
