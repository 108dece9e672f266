import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../adapters/config.ts'
import { kill } from '../adapters/processes/kill.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
/** A gateway may drain for half a minute. */
const STOP_LIMIT_MS = 45_000
const KEPT_OUTPUT = 8_192

/** A program of the product in a process of its own. */
export interface Program {
  /** Its reaper's: the root of everything it causes to run. */
  readonly pid: number
  readonly firstLine: Promise<string>
  /** The end of what it said. */
  output(): string
  hasEnded(): boolean
  stop(): Promise<void>
}

/**
 * Starts `node` with arguments relative to the repository, below a process that reaps whatever it leaves behind.
 * Without an environment it gets only PATH and HOME.
 */
export function startProgram(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Program {
  const { PATH, HOME } = childEnvironment({})
  const child = spawn('python3', ['bench/reaper.py', process.execPath, ...args], {
    cwd: ROOT,
    // Nothing of the caller's settings may change what is measured.
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C is for the bench to pass on.
    detached: true,
  })
  let output = ''
  const firstLine = new Promise<string>((resolve) => {
    const take = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT)
      if (output.includes('\n')) resolve(output)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.once('exit', () => resolve(output))
  })
  const exit = once(child, 'exit')
  return {
    pid: child.pid ?? 0,
    firstLine,
    output: () => output,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async stop() {
      child.kill('SIGTERM')
      const late = setTimeout(() => kill(-(child.pid ?? 0), 'SIGKILL'), STOP_LIMIT_MS)
      await exit
      clearTimeout(late)
    },
  }
}
