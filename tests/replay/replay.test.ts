import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js'
import { Worker } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

describe('a recorded history', () => {
  it.each(names)('%s is replayed by the workflows of today', async (name) => {
    await expect(replay(read(name), `replay-${name}`)).resolves.toBeUndefined()
  })

  it('covers every end of a task, every wait, and tasks in parts', () => {
    const covered = new Set(names.map((name) => name.split('.')[0]))
    expect(covered.size).toBeGreaterThanOrEqual(16)
    expect(names.filter((name) => /\.part-\d\.manageTask/.test(name))).toHaveLength(4)
  })
})

it('a workflow that would do something else is noticed', async () => {
  const { events } = read('completed.manageTask.json')
  const other = events.map(
    (event) => JSON.parse(JSON.stringify(event).replaceAll('understandTask', 'misunderstandTask')) as object,
  )
  await expect(replay({ events: other }, 'replay-other')).rejects.toThrow(/nondetermin/i)
})
