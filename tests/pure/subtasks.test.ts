import { describe, expect, it } from 'vitest'
import { mergedMessage } from '../../activities/prompts/subtasks.ts'
import { MAX_SUBTASKS } from '../../domain/limits.ts'
import { conclude, partsOf, planOf, type Subtask } from '../../domain/subtasks.ts'
import { TASK_STATES, type Task } from '../../domain/task.ts'

const parts = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ title: `T${index}`, prompt: `Do ${index}` }))
const task = (overrides: Partial<Task> = {}) => ({ kind: 'code' as const, constraints: {}, ...overrides })
const countFor = (subtasks: ReturnType<typeof parts>, overrides: Partial<Task> = {}) =>
  partsOf(task(overrides), { subtasks }).length

describe('the parts of a task', () => {
  it('are those of its understanding, from two up to the limit', () => {
    expect([0, 1, 2, MAX_SUBTASKS, MAX_SUBTASKS + 1].map((count) => countFor(parts(count)))).toEqual([
      ...[0, 0, 2, MAX_SUBTASKS, 0],
    ])
    expect(partsOf(task(), {})).toEqual([])
  })

  it('count only when there is something to do in them', () => {
    expect(countFor([...parts(1), { title: 'Nothing', prompt: ' ' }])).toBe(0)
  })

  it.each([
    ['a question', { kind: 'question' }],
    ['an operations task', { kind: 'operations' }],
    ['a task that only proposes', { constraints: { approvalMode: 'plan' } }],
    ['a sub-task', { parentId: 'task-1' }],
  ] as const)('are none of %s', (_, overrides) => {
    expect(countFor(parts(3), overrides)).toBe(0)
  })

  it('may be those of a data task', () => {
    expect(countFor(parts(3), { kind: 'data' })).toBe(3)
  })
})

const ended = (state: Task['state'], error?: Subtask['error']): Subtask => ({
  ...{ id: 'task-2', title: 'Greet', prompt: 'Let it greet.', state },
  ...(error && { error }),
})
const blocked = { code: 'model_blocked', message: 'The model refused.', retryable: false } as const

describe('sub-tasks of which none runs any more', () => {
  it('leave to the Builder of the whole what was not completed', () => {
    const { completed, failed, failure } = conclude([ended('completed'), ended('failed', blocked)])
    expect([completed.length, failed.length, failure]).toEqual([1, 1, undefined])
  })

  it('fail the whole with the first reason when none was completed', () => {
    const { failure } = conclude([ended('cancelled'), ended('failed', blocked), ended('building')])
    expect(failure).toEqual({
      ...{ code: 'model_blocked', retryable: false },
      message:
        'All 3 sub-tasks failed. "Greet": It was cancelled. "Greet": The model refused. "Greet": Its workflow was ended in Temporal.',
    })
  })

  it('of a task that has none decide nothing', () => {
    expect(conclude([])).toEqual({ completed: [], failed: [], failure: undefined })
  })
})

it('each sub-task is a line of the plan, with its id and where it stands', () => {
  const statuses = TASK_STATES.map((state) => planOf([ended(state)])[0]?.status)
  expect(new Map(TASK_STATES.map((state, index) => [state, statuses[index]]))).toEqual(
    new Map([
      ...(['received', 'understanding', 'queued'] as const).map((state) => [state, 'pending'] as const),
      ...(['building', 'verifying', 'delivering'] as const).map((state) => [state, 'in_progress'] as const),
      ...(['awaiting_input', 'awaiting_approval', 'awaiting_budget', 'paused'] as const).map(
        (state) => [state, 'in_progress'] as const,
      ),
      ['completed', 'completed'],
      ...(['failed', 'cancelled', 'expired'] as const).map((state) => [state, 'cancelled'] as const),
    ]),
  )
  expect(planOf([ended('completed')])).toEqual([{ text: 'Greet', status: 'completed', taskId: 'task-2' }])
})

describe('what the Builder of the whole is told of conflicts', () => {
  const subtask: Subtask = { id: 'task-1', title: 'Rename', prompt: 'Rename it.', state: 'completed' }
  const told = (files: readonly string[]) =>
    mergedMessage({ completed: [subtask], failed: [], conflicts: [{ subtask, commit: 'c1', files }] })

  it('is every one of a few', () => {
    const files = ['CONFLICT (content): Merge conflict in a.txt', 'CONFLICT (content): Merge conflict in b.txt']
    expect(told(files)).toContain(files.join('\n'))
    expect(told(files)).not.toContain('more;')
  })

  it('is no more than a request can hold, however many and however long their names are', () => {
    const text = told(Array.from({ length: 5_000 }, (_, file) => `CONFLICT (content): ${file} ${'x'.repeat(4_000)}`))
    expect(text).toContain('CONFLICT (content): 0 x')
    expect(text).toContain('… and 4950 more; search for <<<<<<< to find them.')
    expect(text.length).toBeLessThan(32 * 1024)
  })
})
