import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js'
import { Worker } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReadMessage } from '../../domain/contracts.ts'
import { workflowBundle } from '../../workers/workflow-bundle.ts'

/** Histories of a released version: what ran then must be understood by what runs now. */
const HISTORIES = join(import.meta.dirname, 'histories')
const names = readdirSync(HISTORIES).filter((name) => name.endsWith('.json'))
const folder = mkdtempSync(join(tmpdir(), 'ocg-replay-'))
let codePath: string

beforeAll(async () => {
  codePath = await workflowBundle(folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const replay = (history: object, workflowId: string) =>
  Worker.runReplayHistory({ workflowBundle: { codePath } }, historyFromJSON(history), workflowId)

const read = (name: string) =>
  JSON.parse(readFileSync(join(HISTORIES, name), 'utf8')) as { events: Record<string, unknown>[] }

/** What a step of a conversation was asked to carry out. */
function meaningIn(event: Record<string, unknown>): string | undefined {
  const { activityType, input } = (event['activityTaskScheduledEventAttributes'] ?? {}) as Scheduled
  if (activityType?.name !== 'carryOut') return undefined
  const said = Buffer.from(input?.payloads[0]?.data ?? '', 'base64').toString('utf8')
  return (JSON.parse(said) as ReadMessage).meaning.type
}

interface Scheduled {
  readonly activityType?: { readonly name: string }
  readonly input?: { readonly payloads: readonly { readonly data: string }[] }
}

describe('a recorded history', () => {
  it.each(names)('%s is replayed by the workflows of today', async (name) => {
    await expect(replay(read(name), `replay-${name}`)).resolves.toBeUndefined()
  })

  it('covers every end of a task, every wait, and tasks in parts', () => {
    const covered = new Set(names.map((name) => name.split('.')[0]))
    expect(covered.size).toBeGreaterThanOrEqual(16)
    expect(names.filter((name) => /\.part-\d\.manageTask/.test(name))).toHaveLength(4)
  })

  it('covers everything a message of a private chat can mean', () => {
    const meanings = read('conversation.converse.json').events.flatMap((event) => meaningIn(event) ?? [])
    expect(new Set(meanings)).toEqual(new Set(['answer', 'command', 'new-task', 'ask-which', 'say', 'ask-which-task']))
  })

  it('covers every end of a conversation, and what it gave up', () => {
    const types = (name: string) => read(`conversation-${name}.converse.json`).events.map(({ eventType }) => eventType)
    expect(types('given-up')).toContain('EVENT_TYPE_ACTIVITY_TASK_FAILED')
    expect(types('idle').at(-1)).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED')
    expect(types('continued-as-new').at(-1)).toBe('EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW')
  })
})

it('a workflow that would do something else is noticed', async () => {
  const { events } = read('completed.manageTask.json')
  const other = events.map(
    (event) => JSON.parse(JSON.stringify(event).replaceAll('understandTask', 'misunderstandTask')) as object,
  )
  await expect(replay({ events: other }, 'replay-other')).rejects.toThrow(/nondetermin/i)
})
