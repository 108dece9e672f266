import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { Writable } from 'node:stream'
import { CapturedOutput } from './captured-output.ts'
import { guard } from './dead-man.ts'
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
  const guarded = guard()
  const started = performance.now()
  const [file, ...args] = request.command
  const child = spawn(file, args, {
    cwd: request.directory,
    env: { ...request.environment },
    detached: true,
    stdio: [
      request.stdin === undefined ? 'ignore' : 'pipe',
      ...(['pipe', 'pipe'] as const),
      ...(request.extraInput ? (['pipe'] as const) : []),
    ],
  })
  calm(child, request.niceness ?? 0)
  if (child.pid !== undefined) {
    guarded.started(child.pid)
    request.started?.(child.pid)
  }
  const stdout = capture(child.stdout, request.maxOutputBytes)
  const stderr = capture(child.stderr, request.maxOutputBytes)
  feed(child.stdio[0], request.stdin)
  feed(child.stdio[EXTRA_INPUT], request.extraInput)
  const { exitCode, timedOut } = await ended(child, request, guarded.signal).finally(() => guarded.release())
  request.signal?.throwIfAborted()
  guarded.signal.throwIfAborted()
  return {
    exitCode,
    timedOut,
    stdout: stdout.bytes(),
    stderr: stderr.bytes(),
    droppedBytes: stdout.droppedBytes + stderr.droppedBytes,
    durationMs: performance.now() - started,
  }
}

/** At once: what the child starts later follows. */
function calm(child: ChildProcess, niceness: number): void {
  if (child.pid === undefined || niceness === 0) return
  try {
    setPriority(child.pid, niceness)
  } catch {
    // It has ended already.
  }
}

/** A command that ends without reading its input closes the pipe under us; its exit code tells what matters. */
function feed(stream: ChildProcess['stdio'][number] | undefined, input: Uint8Array | string | undefined): void {
  if (!(stream instanceof Writable)) return
  stream.on('error', () => undefined)
  stream.end(input)
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

function capture(stream: NodeJS.ReadableStream | null, maxBytes: number): CapturedOutput {
  const output = new CapturedOutput(maxBytes)
  stream?.on('data', (chunk: Buffer) => output.add(chunk))
  return output
}

async function ended(
  child: ChildProcess,
  { timeoutMs, signal, stop, endStrays }: Pick<ProcessRequest, 'timeoutMs' | 'signal' | 'stop' | 'endStrays'>,
  stoodStill: AbortSignal,
): Promise<{ readonly exitCode: number; readonly timedOut: boolean }> {
  let timedOut = false
  let killer: NodeJS.Timeout | undefined
  let inner: readonly number[] = []
  const end = () => {
    inner = childrenOf(child.pid)
    signalGroup(child, 'SIGTERM')
    killer ??= setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS)
  }
  const timer = setTimeout(() => {
    timedOut = true
    end()
  }, timeoutMs)
  for (const ending of [signal, stop, stoodStill]) ending?.addEventListener('abort', end, { once: true })
  try {
    const exitCode = await exitOf(child, () => {
      // bubblewrap's own children end with it only once they have asked the kernel for that.
      for (const pid of inner) kill(pid, 'SIGKILL')
      endStrays?.()
    })
    return { exitCode, timedOut }
  } finally {
    clearTimeout(timer)
    clearTimeout(killer)
    for (const ending of [signal, stop, stoodStill]) ending?.removeEventListener('abort', end)
  }
}

function exitOf(child: ChildProcess, endStrays?: () => void): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, name) => {
      signalGroup(child, 'SIGKILL')
      endStrays?.()
      const exitCode = code ?? 128 + (name === null ? 0 : constants.signals[name])
      const late = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      }, PIPES_AFTER_EXIT_MS)
      child.once('close', () => {
        clearTimeout(late)
        resolve(exitCode)
      })
    })
  })
}

/** Empty where /proc does not tell. */
function childrenOf(pid: number | undefined): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid !== undefined) kill(-child.pid, name)
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
