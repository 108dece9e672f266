import { fileURLToPath } from 'node:url'
import { GatewayError } from '../../domain/errors.ts'
import { orderProcess } from '../processes/fork-server.ts'
import { kill } from '../processes/kill.ts'

const CONFIGURATION = fileURLToPath(new URL('./host.gitconfig', import.meta.url))
/** A clone of a large repository over a slow line, whatever it still says. */
const GIT_LIMIT_MS = 15 * 60_000
/** Time to remove its lock files: one that stays keeps everybody else from the ref. */
const LAST_WORDS_MS = 2_000
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
  /** Ends git, and all it started, when it aborts. */
  readonly signal?: AbortSignal | undefined
  /** How long it may take; default 15 minutes. What is late ends as a failure that says so. */
  readonly limitMs?: number
  /** Bytes of output that are too many; default 256 MiB. */
  readonly maxOutputBytes?: number
}

export interface GitResult {
  readonly exitCode: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs git with the host's fixed settings. Rejects only when git cannot start, is aborted, or says too much. */
export async function tryGit(run: GitRun): Promise<GitResult> {
  run.signal?.throwIfAborted()
  const limit = run.maxOutputBytes ?? 256 * 1024 * 1024
  const output: Buffer[] = []
  let bytes = 0
  let stderr = ''
  const running = orderProcess({
    // Who speaks to a remote for git is a process beside it, and would go on waiting for an answer.
    ownGroup: true,
    ...{ file: 'git', args: [...SETTINGS, ...run.args], directory: run.directory, stdin: run.stdin ?? '' },
    environment: { ...baseEnvironment(), ...run.environment },
    onStdout: (chunk) => {
      bytes += chunk.length
      if (bytes <= limit) output.push(chunk)
      else end()
    },
    onStderr: (chunk) => (stderr = (stderr + chunk.toString('utf8')).slice(-KEPT_ERROR_BYTES)),
  })
  const send = (name: NodeJS.Signals) => void running.pid.then((pid) => kill(-pid, name)).catch(() => undefined)
  let late: NodeJS.Timeout | undefined
  const end = () => {
    send('SIGTERM')
    late ??= setTimeout(() => send('SIGKILL'), LAST_WORDS_MS)
  }
  const limitMs = run.limitMs ?? GIT_LIMIT_MS
  const timer = setTimeout(() => {
    stderr += `\nno end within ${limitMs / 1_000} s`
    end()
  }, limitMs)
  run.signal?.addEventListener('abort', end, { once: true })
  try {
    const { code } = await running.exit
    await running.close
    run.signal?.throwIfAborted()
    running.stoodStill.throwIfAborted()
    if (bytes > limit) throw new GatewayError('workspace_too_large', tooMuch(run.args, limit))
    return { exitCode: code ?? 137, stdout: Buffer.concat(output), stderr: stderr.trim() }
  } catch (error) {
    throw isMissing(error) ? new GatewayError('internal', NOT_FOUND) : error
  } finally {
    clearTimeout(timer)
    clearTimeout(late)
    run.signal?.removeEventListener('abort', end)
  }
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

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'
const NOT_FOUND = 'git was not found on this host. Install git and start the gateway again.'

const tooMuch = (args: readonly string[], limit: number): string =>
  `git ${args[0]} produced more than ${limit} bytes. Keep large or generated files out of the repository (.gitignore).`
