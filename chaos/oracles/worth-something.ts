import type { Oracle } from './oracle.ts'

/** A run in which little happened proves little. */
const COMPLETED_SHARE = 0.9
const HIT_SHARE = 0.7

/** Most tasks completed and most strikes hit something. */
export const worthSomething: Oracle = {
  name: 'worth-something',
  promise: 'at least 90 % of the tasks nobody cancelled completed, and at least 70 % of the strikes hit something',
  violations({ tasks, cancelled, ended, strikes }) {
    const wanted = tasks.filter(({ key, shape }) => shape !== 'poison' && !cancelled.includes(key)).length
    const completed = ended.filter(({ state }) => state === 'completed').length
    const hits = strikes.filter(({ victim }) => victim !== undefined).length
    return [
      ...(completed >= wanted * COMPLETED_SHARE ? [] : [`${completed} tasks completed, of ${wanted} that should`]),
      ...(hits > 0 && hits >= strikes.length * HIT_SHARE ? [] : [`${hits} of ${strikes.length} strikes hit something`]),
    ]
  },
}
