import type { Client } from '@temporalio/client'
import { Worker } from '@temporalio/worker'
import { workflowBundle } from '../workers/workflow-bundle.ts'
import { installQuietRuntime } from './quiet-runtime.ts'

const AT_ONCE = 8

/** Every history of a run that a Manager could not take up again, and why. `cache` may hold the bundle of the workflows. */
export async function unreplayable(client: Client, cache: string): Promise<readonly string[]> {
  const executions: { readonly workflowId: string; readonly runId: string }[] = []
  for await (const { workflowId, runId } of client.workflow.list()) executions.push({ workflowId, runId })
  const refused: string[] = []
  const codePath = await workflowBundle(cache)
  installQuietRuntime()
  for (let at = 0; at < executions.length; at += AT_ONCE) {
    const histories = await Promise.all(
      executions.slice(at, at + AT_ONCE).map(async ({ workflowId, runId }) => ({
        workflowId,
        history: await client.workflow.getHandle(workflowId, runId).fetchHistory(),
      })),
    )
    for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: { codePath } }, histories))
      if (error) refused.push(`${workflowId}: ${error.message}`)
  }
  return refused
}
