import type { EndedTask, Observations } from '../observations.ts'
import type { PlannedTask } from '../plan.ts'
import { isSetAside } from '../set-aside.ts'
import { idsByKey, type Oracle } from './oracle.ts'

/** Every task was accepted and came to the end its plan foresees. */
export const nothingLost: Oracle = {
  name: 'nothing-lost',
  promise: 'every accepted task ends: completed and passed, unless cancelled or three strikes cost it its builder',
  violations(seen) {
    const ids = idsByKey(seen)
    const ended = new Map(seen.ended.map((task) => [task.id, task]))
    return seen.tasks.flatMap((planned) => {
      const id = ids.get(planned.key)
      if (id === undefined) return [`${planned.key} was never accepted`]
      const task = ended.get(id)
      if (!task) return [`${planned.key} (${id}) is lost`]
      return isExpected(task, planned, seen) ? [] : [`${planned.key} (${id}) is ${endOf(task)}`]
    })
  },
}

function isExpected(task: EndedTask, { key, shape }: PlannedTask, seen: Observations): boolean {
  const passed = task.state === 'completed' && task.verdict === 'passed'
  if (shape === 'poison') return passed || (task.state === 'failed' && task.errorCode === 'poison_task')
  if (isSetAside(task, seen)) return true
  return passed || (task.state === 'cancelled' && seen.cancelled.includes(key))
}

const endOf = ({ state, verdict, errorCode }: EndedTask): string =>
  [state, verdict, errorCode].filter((word) => word !== undefined).join(', ')
