import { describe, expect, it } from 'vitest'
import { ATTRIBUTES } from '../../workflows/inspector.ts'
import { eventsOf, scheduled, summaryOf } from '../support/workflows/histories.ts'
import type { RunningTask } from '../support/workflows/running-task.ts'
import { useWorld } from '../support/workflows/use-world.ts'

const world = useWorld()
const asks = { name: 'run_shell_command', decision: 'ask' } as const

interface Definition {
  readonly name: string
  readonly description: string
}

/** What the Web UI asks a workflow about itself. */
interface Metadata {
  readonly currentDetails: string
  readonly definition: Readonly<
    Record<'signalDefinitions' | 'updateDefinitions' | 'queryDefinitions', readonly Definition[]>
  > & { readonly type: string }
}

const metadataOf = (task: RunningTask): Promise<Metadata> => task.handle.query('__temporal_workflow_metadata')

const found = async (query: string): Promise<string[]> => {
  const ids: string[] = []
  for await (const { workflowId } of world().client.workflow.list({ query })) ids.push(workflowId)
  return ids
}

describe('the list of workflows', () => {
  it('finds a task by its state, kind and priority, and follows them', async () => {
    const task = await world().begin({ brief: { kind: 'data', priority: 2 }, turns: [[asks]] })
    await task.until('awaiting_approval')
    const mine = `WorkflowId = '${task.id}'`
    await expect
      .poll(() => found(`${mine} AND TaskState = 'awaiting_approval' AND TaskKind = 'data' AND Priority = 2`))
      .toEqual([task.id])
    await task.reprioritise(1)
    await task.approve('approval-1.0')
    await task.ended()
    await expect.poll(() => found(`${mine} AND TaskState = 'completed' AND Priority = 1`)).toEqual([task.id])
  })

  it.each([
    ['on a repository', {}, 6],
    ['with acceptance commands', { repository: undefined }, 6],
    ['with neither, whose last stages are over at once,', { repository: undefined, isChecked: false }, 4],
  ])('a task %s is written as often as it has stages that last', async (_, brief, writes) => {
    const task = await world().begin({ brief })
    await task.ended()
    const events = await eventsOf(task.handle)
    expect(events.filter((event) => event.upsertWorkflowSearchAttributesEventAttributes)).toHaveLength(writes)
  })

  it('shows what a task has cost', async () => {
    const task = await world().begin({ turns: [['edit'], ['test']] })
    await task.ended()
    const { typedSearchAttributes } = await task.handle.describe()
    expect(typedSearchAttributes.get(ATTRIBUTES.costUsd)).toBe(0.03)
    expect(typedSearchAttributes.get(ATTRIBUTES.title)).toBe(`Title of ${task.id}`)
  })

  it('holds nothing about the person who asked', async () => {
    const task = await world().begin({ brief: { requester: 'key:ada' } })
    await task.ended()
    const described = await task.handle.describe()
    expect(JSON.stringify([described.typedSearchAttributes, described.memo ?? {}])).not.toContain('ada')
  })
})

describe('the current details', () => {
  it('show title, repository, state, builder, cost and the stages', async () => {
    const task = await world().begin({ turns: [['read'], ['edit']], hold: ['tool 2.0'] })
    await task.reached('tool 2.0')
    const { currentDetails } = await metadataOf(task)
    const { builder } = await task.status()
    expect(currentDetails.split('\n')).toEqual([
      `**Title of ${task.id}** · example/shop`,
      '',
      `State: \`building\` · Builder: ${builder} · Cost: $0.0100`,
      '',
      ...['- ✅ understanding', '- ✅ queued', '- 🔵 building', '- ⚪ verifying', '- ⚪ delivering', '- ⚪ completed'],
    ])
    task.release('tool 2.0')
    await task.ended()
  })

  it('show what a task waits for', async () => {
    const task = await world().begin({ understanding: [{ asks: 'Which module?' }, 'understood'] })
    await task.until('awaiting_input')
    await expect
      .poll(async () => (await metadataOf(task)).currentDetails)
      .toContain('Waits for **input**: Which module?')
    await task.say('The parser.')
    await task.ended()
    const { currentDetails } = await metadataOf(task)
    expect(currentDetails).not.toContain('Waits for')
    expect(currentDetails).toContain('State: `completed`')
    expect(
      currentDetails
        ?.split('\n')
        .slice(-6)
        .every((stage) => stage.startsWith('- ✅')),
    ).toBe(true)
  })

  it('mark the stage in which a task waits, and that in which it ended unhappily', async () => {
    const task = await world().begin({ understanding: [{ asks: 'Which module?' }] })
    await task.until('awaiting_input')
    await expect.poll(async () => (await metadataOf(task)).currentDetails).toContain('- 🔵 understanding\n- ⚪ queued')
    await task.cancel()
    await task.ended()
    expect((await metadataOf(task)).currentDetails).toContain('- ❌ understanding\n- ⚪ queued')
  })
})

describe('the definition of the Manager', () => {
  it('describes every signal, update and query of the contract', async () => {
    const task = await world().begin()
    await task.ended()
    const { definition } = await metadataOf(task)
    const named = (definitions: readonly Definition[]) =>
      Object.fromEntries(definitions.map(({ name, description }) => [name, description]))
    expect(definition.type).toBe('manageTask')
    const signals = named(definition.signalDefinitions)
    const updates = named(definition.updateDefinitions)
    const queries = named(definition.queryDefinitions)
    expect(Object.keys(signals)).toEqual(expect.arrayContaining(['cancel', 'pause', 'resume', 'messageReceived']))
    expect(Object.keys(updates).toSorted()).toEqual(['approve', 'raiseBudget', 'reject', 'reprioritise', 'steer'])
    expect(queries['status']).toBe('State, builder and seat.')
    for (const [name, description] of Object.entries({ ...signals, ...updates }))
      expect(description, name).toMatch(/^[A-Z].*\.$/)
  })
})

describe('a history', () => {
  it('says in a few words what each activity, timer and Builder run is for', async () => {
    const deadline = new Date(Date.now() + 3_600_000).toISOString()
    const task = await world().begin({ brief: { deadline }, turns: [['edit', asks]] })
    await task.until('awaiting_approval')
    await task.approve('approval-1.1')
    await task.ended()
    const builder = task.record.finished[0]?.builder
    const run = world().client.workflow.getHandle(`build-${task.id}-1`)
    expect((await scheduled(task.handle)).map(({ summary }) => summary)).toEqual([
      ...['Understand, round 1', 'Choose the route and queue for a Builder', 'Seat 1', 'Note the Builder'],
      ...[`${builder} · workspace`, 'Wait for a person', 'Decide an approval', 'Go on', `${builder} · workspace`],
      ...['Hand the work to the verifier', `${builder} · verification 1`, 'Begin the delivery', `${builder} · deliver`],
      ...[`${builder} · give back seat 1`, 'Store the result and end'],
    ])
    expect((await scheduled(run)).map(({ summary }) => summary)).toEqual([
      ...[`${builder} · turn 1`, `${builder} · edit something`],
    ])
    const timers = (await eventsOf(task.handle)).filter((event) => event.timerStartedEventAttributes)
    expect(timers.map(summaryOf)).toEqual(['Deadline', 'Keeps the seat for a quick answer'])
    expect(await run.describe()).toMatchObject({ type: 'buildTask' })
    expect(await (await run.describe()).staticSummary()).toBe(`${builder} · Title of ${task.id}`)
  })

  it('of a Manager ends in a result that can be read at a glance', async () => {
    const task = await world().begin({ verdicts: ['failed', 'failed', 'failed'] })
    await task.ended()
    expect(await task.handle.result()).toEqual({
      ...{ state: 'failed', costUsd: 0.04, error: expect.stringMatching(/^verification_failed: /) },
    })
  })
})

describe('a title in any script', () => {
  it.each(['修'.repeat(200), '🛠️'.repeat(66), 'a'.repeat(200)])('fits wherever it is shown', async (title) => {
    const task = await world().begin({ brief: { title }, turns: [['edit']] })
    expect(await task.ended()).toMatchObject({ state: 'completed' })
  })
})
