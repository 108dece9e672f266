import { describe, expect, it } from 'vitest'
import { countLoss, isPoison, NO_LOSSES, pauseAfter } from '../../domain/poison.ts'

const gone = { step: 'turn 1', builderGone: true }
const failed = { step: 'turn 1', builderGone: false }
const after = (...losses: readonly (typeof gone)[]) => losses.reduce(countLoss, NO_LOSSES)
const times = (count: number, loss: typeof gone) => Array.from({ length: count }, () => loss)

describe('a task is poison', () => {
  it.each([
    ['three builders gone at one step', times(3, gone), true],
    ['two builders gone', times(2, gone), false],
    ['two gone, one failure', [...times(2, gone), failed], false],
    ['a failure between three gone', [gone, gone, failed, gone], true],
    ['nine failures of living builders', times(9, failed), false],
    ['ten failures of living builders', times(10, failed), true],
    ['progress between the losses', [gone, gone, { ...gone, step: 'turn 2' }, gone, gone], false],
  ])('%s: %s', (_, losses, poison) => {
    expect(isPoison(after(...losses))).toBe(poison)
  })
})

describe('the pause after a loss', () => {
  it('grows with the failures of living builders from the second on, up to a minute', () => {
    const pauses = [1, 2, 3, 4, 8, 9].map((count) => pauseAfter(after(...times(count, failed))))
    expect(pauses).toEqual([0, 1_000, 2_000, 4_000, 60_000, 60_000])
  })
})
