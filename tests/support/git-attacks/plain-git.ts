import { spawn } from 'node:child_process'

const LIMIT_MS = 20_000

export interface PlainGitResult {
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: string
}

const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  LC_ALL: 'C',
  TERM: 'dumb',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Plain',
  GIT_AUTHOR_EMAIL: 'plain@localhost',
  GIT_COMMITTER_NAME: 'Plain',
  GIT_COMMITTER_EMAIL: 'plain@localhost',
})

/** Runs a program of the host as somebody careless would: no hardening, only independent of the machine's settings. */
export function runPlainly(
  command: readonly [string, ...string[]],
  options: {
    readonly directory: string
    readonly stdin?: string | Uint8Array
    readonly environment?: NodeJS.ProcessEnv
  },
): Promise<PlainGitResult> {
  const [file, ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.directory,
      env: { ...environment(), ...options.environment },
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    })
    const stdout: Buffer[] = []
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')))
    // A git that refuses its input closes the pipe; its exit code tells.
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.stdin)
    child.once('error', reject)
    child.once('close', (code) => resolve({ exitCode: code ?? 137, stdout: Buffer.concat(stdout), stderr }))
  })
}

/** Plain git that must succeed; its output, trimmed. */
export async function plainGit(
  directory: string,
  args: readonly string[],
  stdin?: string | Uint8Array,
): Promise<string> {
  const result = await runPlainly(['git', ...args], { directory, ...(stdin !== undefined && { stdin }) })
  if (result.exitCode !== 0) throw new Error(`git ${args.join(' ')} ended with ${result.exitCode}: ${result.stderr}`)
  return result.stdout.toString('utf8').trim()
}
