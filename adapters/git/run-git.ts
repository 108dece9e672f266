import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { GatewayError } from '../../domain/errors.ts'

const CONFIGURATION = fileURLToPath(new URL('./host.gitconfig', import.meta.url))
/** A clone of a large repository over a slow line; a hung connection ends here. */
const GIT_LIMIT_MS = 15 * 60_000
const KEPT_ERROR_BYTES = 4_096

/**
 * Settings that hold for every git the host runs: nothing of a repository or of the machine is executed, nothing but
 * the named protocols is spoken, nothing is repacked behind a reader's back.
 */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.autocrlf=false',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'core.quotePath=true',
  // Snapshots read the repository from inside the sandbox, where the gateway's user is somebody else.
  'core.sharedRepository=0644',
  'commit.gpgSign=false',
  'credential.helper=',
  'diff.external=',
  'fetch.recurseSubmodules=false',
  'fetch.writeCommitGraph=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'http.followRedirects=false',
  'protocol.allow=never',
  'protocol.https.allow=always',
  'protocol.http.allow=always',
  'protocol.ssh.allow=always',
  'protocol.file.allow=always',
  'submodule.recurse=false',
].flatMap((setting) => ['-c', setting])

export interface GitRun {
  readonly args: readonly string[]
  readonly directory: string
  readonly stdin?: Uint8Array | string | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
  /** Bytes of output that are too many; default 256 MiB. */
  readonly maxOutputBytes?: number
}

export interface GitResult {
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs git with the host's fixed settings. Rejects only when git cannot start, is aborted, or says too much. */
export function tryGit(run: GitRun): Promise<GitResult> {
  run.signal?.throwIfAborted()
  const limit = run.maxOutputBytes ?? 256 * 1024 * 1024
  return new Promise((resolve, reject) => {
    const child = spawn('git', [...SETTINGS, ...run.args], {
      cwd: run.directory,
      env: { ...baseEnvironment(), ...run.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: GIT_LIMIT_MS,
      killSignal: 'SIGKILL',
      ...(run.signal && { signal: run.signal }),
    })
    const output: Buffer[] = []
    let bytes = 0
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= limit) output.push(chunk)
      else child.kill('SIGKILL')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-KEPT_ERROR_BYTES)
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(run.stdin)
    child.once('error', (error) => reject(run.signal?.aborted ? (run.signal.reason as Error) : notStarted(error)))
    child.once('close', (code) => {
      if (run.signal?.aborted) return reject(run.signal.reason as Error)
      if (bytes > limit) return reject(new GatewayError('workspace_too_large', tooMuch(run.args, limit)))
      resolve({ exitCode: code ?? 137, stdout: Buffer.concat(output), stderr: stderr.trim() })
    })
  })
}

/** As {@link tryGit}, but a failing git is an error. */
export async function git(run: GitRun): Promise<Buffer> {
  const { exitCode, stdout, stderr } = await tryGit(run)
  if (exitCode !== 0) throw new Error(`git ${run.args[0]} ended with ${exitCode}: ${stderr}`)
  return stdout
}

/** PATH and HOME let ssh find its own files; git reads no configuration but ours. */
function baseEnvironment(): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: CONFIGURATION,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_LITERAL_PATHSPECS: '1',
    LC_ALL: 'C',
  }
}

const notStarted = (error: Error): Error =>
  (error as NodeJS.ErrnoException).code === 'ENOENT'
    ? new GatewayError('internal', 'git was not found on this host. Install git and start the gateway again.')
    : error

const tooMuch = (args: readonly string[], limit: number): string =>
  `git ${args[0]} produced more than ${limit} bytes. Keep large or generated files out of the repository (.gitignore).`
