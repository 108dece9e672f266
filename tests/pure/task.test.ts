import { describe, expect, it } from 'vitest'
import {
  acceptsSteering,
  canMove,
  FINAL_STATES,
  isFinal,
  isWaiting,
  TASK_STATES,
  type TaskState,
} from '../../domain/task.ts'

describe('the transition table', () => {
  it('leads from received to completed through every stage in order', () => {
    const way: TaskState[] = ['received', 'understanding', 'queued', 'building', 'verifying', 'delivering', 'completed']
    for (const [index, state] of way.slice(1).entries()) expect(canMove(way[index] as TaskState, state)).toBe(true)
  })

  it('lets nothing follow an end', () => {
    for (const end of FINAL_STATES) for (const state of TASK_STATES) expect(canMove(end, state)).toBe(false)
  })

  it('reaches failed, cancelled and expired from every state that is not an end', () => {
    for (const state of TASK_STATES.filter((candidate) => !isFinal(candidate)))
      for (const end of ['failed', 'cancelled', 'expired'] as const) expect(canMove(state, end)).toBe(true)
  })

  it('goes backwards only for a repair and out of a wait', () => {
    const stages: TaskState[] = ['received', 'understanding', 'queued', 'building', 'verifying', 'delivering']
    const backwards = stages.flatMap((from, index) =>
      stages.slice(0, index).flatMap((to) => (canMove(from, to) ? [`${from} → ${to}`] : [])),
    )
    expect(backwards).toEqual(['verifying → building'])
  })

  it('never skips the verifier', () => {
    const before = TASK_STATES.filter((state) => canMove(state, 'delivering'))
    expect(before).toEqual(['verifying'])
  })

  it('completes only after delivery, or at once after understanding for a plain question', () => {
    expect(TASK_STATES.filter((state) => canMove(state, 'completed'))).toEqual(['understanding', 'delivering'])
  })

  it('lets no state follow itself', () => {
    for (const state of TASK_STATES) expect(canMove(state, state)).toBe(false)
  })
})

describe('predicates', () => {
  it('names the four waits', () => {
    expect(TASK_STATES.filter(isWaiting)).toEqual(['awaiting_input', 'awaiting_approval', 'awaiting_budget', 'paused'])
  })

  it('takes steering text until the work is handed to the verifier', () => {
    expect(TASK_STATES.filter((state) => !acceptsSteering(state))).toEqual([
      'verifying',
      'delivering',
      'completed',
      'failed',
      'cancelled',
      'expired',
    ])
  })
})
