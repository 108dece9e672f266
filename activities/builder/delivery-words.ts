import type { Store } from '../../domain/ports/store.ts'
import { conclude } from '../../domain/subtasks.ts'

/** What a delivery says of itself: the Builder's last words, after those of each sub-task whose work it holds. */
export async function deliveryWords(store: Store, taskId: string): Promise<string> {
  const [own, subtasks] = await Promise.all([store.conversations.lastWords(taskId), store.tasks.subtasks(taskId)])
  const parts = conclude(subtasks).completed.map(({ title, result }) => `${title}: ${result?.summary ?? ''}`)
  return [...parts, own].filter(Boolean).join('\n\n')
}
