import { createSandbox } from '../../adapters/sandbox/create-sandbox.ts'
import { bubblewrapFolder } from './programs.ts'

/** Started as a process of its own: runs one command in a workspace and prints what came of it. */
const [mode = 'auto', workspace = '', script = ''] = process.argv.slice(2)
const sandbox = await createSandbox({ mode: mode as 'bubblewrap' | 'none', programs: bubblewrapFolder })
console.log('ready')
const command = ['bash', '-c', script] as const
const outcome = await sandbox.run({ workspace, command, timeoutMs: 600_000, maxOutputBytes: 1_024 }).then(
  ({ exitCode }) => ({ exitCode }),
  (error: unknown) => ({ refused: error instanceof Error ? error.message : String(error) }),
)
console.log(JSON.stringify(outcome))
