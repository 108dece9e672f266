import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import type { BuilderRuns } from '../domain/ports/builder-runs.ts'

/** Builder runs by Temporal's client. */
export const createBuilderRuns = (client: Client): BuilderRuns => ({
  async end({ id, reason }) {
    await client.workflow
      .getHandle(id)
      .terminate(reason)
      .catch((error: unknown) => {
        if (!(error instanceof WorkflowNotFoundError)) throw error
      })
  },
})
