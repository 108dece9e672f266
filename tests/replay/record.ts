import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, Connection } from '@temporalio/client'
import { kill } from '../../adapters/processes/kill.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { startGeminiSimulator } from '../../simulators/gemini/server.ts'
import { startTelegramSimulator } from '../../simulators/telegram/server.ts'
import { holderOf, startTestGateway, submit, until, type TestGateway } from '../support/gateway.ts'
import { eventOf } from '../support/scripted-gateway.ts'
import { installPrograms } from '../support/programs.ts'
import { historyOf } from './history-of.ts'
import { CONVERSATION_ENDS, recordConversationEnd } from './record-conversation-ends.ts'
import { recordConversation } from './record-conversation.ts'
import { scriptedModel } from './scripted-model.ts'

/**
 * Records the histories `replay.test.ts` replays: one task for every end and every wait, and a chat. Run once for a release
 * (`node bin/run.mjs tests/replay/record.ts`); what has been recorded is never recorded again, only added to.
 */
const HISTORIES = fileURLToPath(new URL('./histories/', import.meta.url))

type Play = (gateway: TestGateway, id: string) => Promise<unknown>
const post = ({ client }: TestGateway, path: string, body?: object): Promise<TaskView> =>
  client.json('POST', path, body === undefined ? {} : { body })

const partsOf = ({ progress }: TaskView): readonly string[] => progress.plan.flatMap(({ taskId = [] }) => taskId)

/** What people and accidents do to the task of each name while it runs. */
const PLAYS: Readonly<Record<string, { readonly request?: object; readonly play?: Play }>> = {
  completed: {},
  answered: { request: { kind: 'question' } },
  'repaired-and-failed': { request: { acceptance: { commands: ['test -f never'] } } },
  'failed-by-the-model': {},
  cancelled: {
    async play(gateway, id) {
      await eventOf(gateway.client, id, ({ type }) => type === 'tool-called')
      await post(gateway, `/v1/tasks/${id}/cancel`)
    },
  },
  expired: { request: { constraints: { deadline: new Date(Date.now() + 60_000).toISOString() } } },
  'asked-and-answered': {
    async play(gateway, id) {
      await until(gateway.client, id, 'awaiting_input')
      await post(gateway, `/v1/tasks/${id}/messages`, { text: 'Green.' })
    },
  },
  looping: {
    async play(gateway, id) {
      await until(gateway.client, id, 'awaiting_input')
      await post(gateway, `/v1/tasks/${id}/messages`, { text: 'continue' })
    },
  },
  'clarified-first': {
    async play(gateway, id) {
      await until(gateway.client, id, 'awaiting_input')
      await post(gateway, `/v1/tasks/${id}/messages`, { text: 'The parser.' })
    },
  },
  approved: {
    request: { constraints: { approvalMode: 'default' } },
    async play(gateway, id) {
      const { waiting } = await until(gateway.client, id, 'awaiting_approval')
      await post(gateway, `/v1/tasks/${id}/approvals/${waiting?.approvalId}`, { decision: 'approve' })
    },
  },
  'budget-raised': {
    request: { constraints: { budgetUsd: 0.05 } },
    async play(gateway, id) {
      await until(gateway.client, id, 'awaiting_budget')
      await post(gateway, `/v1/tasks/${id}/budget`, { budgetUsd: 100 })
    },
  },
  'paused-and-resumed': {
    async play(gateway, id) {
      await eventOf(gateway.client, id, ({ type }) => type === 'tool-called')
      await post(gateway, `/v1/tasks/${id}/pause`)
      await until(gateway.client, id, 'paused')
      await post(gateway, `/v1/tasks/${id}/resume`)
    },
  },
  'seat-lost': {
    async play(gateway, id) {
      await eventOf(gateway.client, id, ({ type }) => type === 'tool-called')
      kill((await holderOf(gateway.client, id)).pid, 'SIGKILL')
    },
  },
  divided: {
    async play(gateway, id) {
      await until(gateway.client, id, 'awaiting_input')
      await post(gateway, `/v1/tasks/${id}/messages`, { text: 'Green.' })
    },
  },
  'divided-and-cancelled': {
    async play(gateway, id) {
      for (const part of partsOf(await until(gateway.client, id, 'building')))
        await eventOf(gateway.client, part, ({ type }) => type === 'tool-called')
      await post(gateway, `/v1/tasks/${id}/cancel`)
    },
  },
  'continued-as-new': { request: { constraints: { maxTurns: 400 } } },
}

const CONVERSATION = 'conversation.converse.json'

async function record(): Promise<void> {
  await mkdir(HISTORIES, { recursive: true })
  const recorded = await readdir(HISTORIES)
  const missing = Object.keys(PLAYS).filter((name) => !recorded.includes(`${name}.manageTask.json`))
  await recordConversationEnds(recorded)
  const isSpoken = recorded.includes(CONVERSATION)
  if (missing.length === 0 && isSpoken) return console.log('Every history is recorded.')
  const dataDirectory = await mkdtemp(join(tmpdir(), 'ocg-record-'))
  const simulator = await startGeminiSimulator({ script: scriptedModel })
  const telegram = await startTelegramSimulator()
  const gateway = await startTestGateway({
    dataDirectory,
    environment: {
      ...{ GEMINI_API_KEY: 'any', GOOGLE_GEMINI_BASE_URL: simulator.url, TELEGRAM_MODE: 'polling' },
      ...{ TELEGRAM_BOT_TOKEN: telegram.token, TELEGRAM_API_BASE_URL: telegram.url },
    },
  })
  try {
    for (const name of missing) await recordOne(gateway, name)
    if (!isSpoken) await writeFile(join(HISTORIES, CONVERSATION), await recordConversation(gateway, telegram))
  } finally {
    await gateway.stop()
    await Promise.all([simulator.close(), telegram.close()])
    await rm(dataDirectory, { recursive: true, force: true })
  }
}

async function recordConversationEnds(recorded: readonly string[]): Promise<void> {
  const { timeSkippingServer } = await installPrograms()
  for (const name of CONVERSATION_ENDS) {
    const file = `${name}.converse.json`
    if (recorded.includes(file)) continue
    await writeFile(join(HISTORIES, file), await recordConversationEnd(name, timeSkippingServer))
    console.log(name)
  }
}

async function recordOne(gateway: TestGateway, name: string): Promise<void> {
  const { request, play } = PLAYS[name] ?? {}
  const { id } = await submit(gateway.client, { prompt: `${name} task`, kind: 'code', ...request })
  await play?.(gateway, id)
  const task = await until(gateway.client, id, 'ended')
  const connection = await Connection.connect({ address: gateway.temporalAddress })
  const { workflow } = new Client({ connection })
  // The task is ended in the store before its workflow is in Temporal.
  await workflow.getHandle(id).result()
  for (const [index, taskId] of [id, ...partsOf(task)].entries()) {
    const of = index === 0 ? name : `${name}.part-${index}`
    const query = `WorkflowId IN ('${taskId}', 'build-${taskId}-1', 'build-${taskId}-2')`
    for await (const { workflowId, runId, type } of workflow.list({ query })) {
      const part = workflowId === taskId ? type : `${type}-${workflowId.at(-1)}-${runId.slice(0, 8)}`
      await writeFile(join(HISTORIES, `${of}.${part}.json`), await historyOf(gateway, { workflowId, runId }))
    }
  }
  await connection.close()
  console.log(`${name}: ${task.state}`)
}

await record()
