import { groupBy } from '../grouped.ts'
import type { Oracle } from './oracle.ts'

/** A request that was sent again, whatever happened in between, made no second task. */
export const oneTaskPerKey: Oracle = {
  name: 'one-task-per-key',
  promise: 'each Idempotency-Key made one task, however often it was sent, and there are no others',
  violations({ acceptances, known, tasks }) {
    const keys = groupBy(acceptances, ({ key }) => key)
    const several = [...keys].flatMap(([key, answers]) => {
      const ids = [...new Set(answers.map(({ taskId }) => taskId))]
      return ids.length === 1 ? [] : [`${key} made ${ids.length} tasks: ${ids.join(', ')}`]
    })
    const missing = tasks.flatMap(({ key, posts }) => {
      const answers = keys.get(key)?.length ?? 0
      return answers === posts ? [] : [`${answers} of ${posts} requests for ${key} were answered`]
    })
    const wanted = new Set(acceptances.map(({ taskId }) => taskId))
    const strangers = known.filter((id) => !wanted.has(id)).map((id) => `${id} belongs to no request`)
    const twice = known.filter((id, index) => known.indexOf(id) !== index).map((id) => `${id} is listed twice`)
    return [...several, ...missing, ...strangers, ...twice]
  },
}
