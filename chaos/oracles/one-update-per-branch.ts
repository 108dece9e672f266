import { groupBy } from '../grouped.ts'
import { idsByKey, type Oracle } from './oracle.ts'

/** What the remotes counted is what the tasks say. */
export const oneUpdatePerBranch: Oracle = {
  name: 'one-update-per-branch',
  promise: 'each delivered branch was updated once, to the verified commit, and nothing else was touched',
  violations(seen) {
    const updates = groupBy(seen.updates, ({ key }) => key)
    const ended = new Map(seen.ended.map((task) => [task.id, task]))
    const ids = idsByKey(seen)
    return seen.tasks.flatMap(({ key }) => {
      const id = ids.get(key) ?? ''
      const task = ended.get(id)
      const found = (updates.get(key) ?? []).map(({ ref, commit }) => `${ref} ${commit}`)
      const expected = task?.state === 'completed' ? [`refs/heads/openclaw/${id} ${task.commit}`] : []
      if (found.join() === expected.join()) return []
      return [
        `${key} (${id}, ${task?.state ?? 'lost'}): updates [${found.join(', ')}], expected [${expected.join(', ')}]`,
      ]
    })
  },
}
