import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestGateway } from '../support/gateway.ts'

const execute = promisify(execFile)
const MAX_HISTORY_BYTES = 50 * 1024 * 1024

/** One run as Temporal's own command line writes it. */
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
  return keptHistory(shown.stdout)
}

/** Without line breaks, and without stacks: they name the folders of the machine, and no workflow ever looks at one. */
export function keptHistory(json: string): string {
  const history: unknown = JSON.parse(json, (key, value: unknown) => (key === 'stackTrace' ? '' : value))
  return `${JSON.stringify(history)}\n`
}
