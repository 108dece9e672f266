import type { Store, TaskWork } from '../../domain/ports/store.ts'
import { conclude, isDivided } from '../../domain/subtasks.ts'

/** What a delivery says of itself: the Builder's last words, after those of each sub-task whose work it holds. */
export async function deliveryWords(store: Store, work: TaskWork): Promise<string> {
  const { id } = work.task
  const subtasks = isDivided(work) ? await store.tasks.subtasks(id) : []
  const parts = conclude(subtasks).completed.map(({ title, result }) => `${title}: ${result?.summary ?? ''}`)
  return [...parts, await store.conversations.lastWords(id)].filter(Boolean).join('\n\n')
}
