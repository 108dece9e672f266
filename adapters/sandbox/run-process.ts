import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { orderProcess, type OrderedProcess } from '../processes/fork-server.ts'
import { kill } from '../processes/kill.ts'
import { CapturedOutput } from './captured-output.ts'
import type { SandboxResult } from '../../domain/ports/sandbox.ts'

/** A process that ignores SIGTERM is killed after this. */
const KILL_AFTER_MS = 2_000
/**
 * Killed processes hold the pipes until they are gone, which takes its time on a busy machine; a stray child that
 * escaped its group may hold them for ever, and nobody waits for it longer.
 */
const PIPES_AFTER_EXIT_MS = 5_000

/** Descriptor of {@link ProcessRequest.extraInput}. */
export const EXTRA_INPUT = 3

export interface ProcessRequest {
  readonly command: readonly [string, ...string[]]
  readonly environment: Readonly<Record<string, string>>
  readonly directory: string
  readonly stdin?: Uint8Array | string | undefined
  /** What the command may read from descriptor 3. */
  readonly extraInput?: Uint8Array | undefined
  readonly timeoutMs: number
  readonly maxOutputBytes: number
  readonly signal?: AbortSignal | undefined
  /** Ends the command as its time limit would: there is a result. */
  readonly stop?: AbortSignal | undefined
  /** Told of the process once it runs. */
  readonly started?: (pid: number) => void
  /** Of the command and all it starts, against this process; 0 is as much. */
  readonly niceness?: number
  /** Called when the command has ended: ends what left its group. */
  readonly endStrays?: () => void
}

/**
 * Runs a command in its own process group with nothing but the given environment. The group is gone when this
 * resolves; it rejects with the signal's reason when it was aborted, with `seat_lost` when this process stood still
 * meanwhile, and with the error of a command that cannot start.
 */
export async function runProcess(request: ProcessRequest): Promise<SandboxResult> {
  request.signal?.throwIfAborted()
  const started = performance.now()
  const [file, ...args] = request.command
  const stdout = new CapturedOutput(request.maxOutputBytes)
  const stderr = new CapturedOutput(request.maxOutputBytes)
  const command = orderProcess({
    ...{ file, args, directory: request.directory, environment: request.environment },
    ...{ stdin: request.stdin, extraInput: request.extraInput, ownGroup: true, niceness: request.niceness ?? 0 },
    onStdout: (bytes) => stdout.add(bytes),
    onStderr: (bytes) => stderr.add(bytes),
  })
  const { exitCode, timedOut } = await ended(command, request)
  request.signal?.throwIfAborted()
  command.stoodStill.throwIfAborted()
  return {
    exitCode,
    timedOut,
    stdout: stdout.bytes(),
    stderr: stderr.bytes(),
    droppedBytes: stdout.droppedBytes + stderr.droppedBytes,
    durationMs: performance.now() - started,
  }
}

/** The result of a command whose program or directory cannot be used, as shells give it. */
export const cannotStart = (why: string): SandboxResult => ({
  exitCode: 127,
  timedOut: false,
  stdout: new Uint8Array(),
  stderr: Buffer.from(`${why}\n`),
  droppedBytes: 0,
  durationMs: 0,
})

async function ended(
  command: OrderedProcess,
  { timeoutMs, signal, stop, started, endStrays }: ProcessRequest,
): Promise<{ readonly exitCode: number; readonly timedOut: boolean }> {
  const pid = await command.pid
  started?.(pid)
  let timedOut = false
  let killer: NodeJS.Timeout | undefined
  let inner: readonly number[] = []
  const end = () => {
    inner = childrenOf(pid)
    kill(-pid, 'SIGTERM')
    killer ??= setTimeout(() => kill(-pid, 'SIGKILL'), KILL_AFTER_MS)
  }
  const timer = setTimeout(() => {
    timedOut = true
    end()
  }, timeoutMs)
  const endings = [signal, stop, command.stoodStill].filter((ending) => ending !== undefined)
  for (const ending of endings) ending.addEventListener('abort', end, { once: true })
  if (endings.some(({ aborted }) => aborted)) end()
  try {
    const { code, signal: name } = await command.exit
    kill(-pid, 'SIGKILL')
    // bubblewrap's own children end with it only once they have asked the kernel for that.
    for (const child of inner) kill(child, 'SIGKILL')
    endStrays?.()
    const late = setTimeout(() => command.abandon(), PIPES_AFTER_EXIT_MS)
    await command.close.finally(() => clearTimeout(late))
    return { exitCode: code ?? 128 + (name === null ? 0 : constants.signals[name]), timedOut }
  } finally {
    clearTimeout(timer)
    clearTimeout(killer)
    for (const ending of endings) ending.removeEventListener('abort', end)
  }
}

/** Empty where /proc does not tell. */
function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
