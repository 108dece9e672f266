import { readTask, type GatewayClient } from './client.ts'
import { lineOf } from './event-line.ts'
import type { TaskView } from '../domain/schemas/task.ts'

/** Says every event of a task until it has ended and gives the task as it is then. */
export async function follow(client: GatewayClient, taskId: string, say: (line: string) => void): Promise<TaskView> {
  for await (const event of client.events(taskId)) {
    const line = lineOf(event)
    if (line !== undefined) say(line)
  }
  return readTask(client, taskId)
}
