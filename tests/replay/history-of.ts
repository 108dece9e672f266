import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestGateway } from '../support/gateway.ts'

const execute = promisify(execFile)
const MAX_HISTORY_BYTES = 50 * 1024 * 1024

/** One run as Temporal's own command line writes it, without line breaks. */
export async function historyOf(
  gateway: TestGateway,
  { workflowId, runId }: { readonly workflowId: string; readonly runId?: string },
): Promise<string> {
  const program = join(gateway.dataDirectory, 'temporal', 'temporal')
  const run = ['--workflow-id', workflowId, ...(runId === undefined ? [] : ['--run-id', runId])]
  const shown = await execute(
    program,
    ['workflow', 'show', '--output', 'json', ...run, '--address', gateway.temporalAddress],
    { maxBuffer: MAX_HISTORY_BYTES },
  )
  // A stack names the folders of the machine it was recorded on, and no workflow ever looks at one.
  const history: unknown = JSON.parse(shown.stdout, (key, value: unknown) => (key === 'stackTrace' ? '' : value))
  return `${JSON.stringify(history)}\n`
}
