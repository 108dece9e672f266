import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A service of ours that runs as a child process. */
export interface ServiceProcess {
  readonly pid: number
  /** Resolves when it ended by itself or by {@link stop}. */
  readonly ended: Promise<void>
  stop(signal: NodeJS.Signals, limitMs: number): Promise<void>
}

/** Starts a program with its output in a log file. It gets a group of its own: Ctrl-C is for us to pass on. */
export function startService(service: {
  readonly command: readonly [string, ...string[]]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly log: string
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}): ServiceProcess {
  const [program, ...args] = service.command
  mkdirSync(dirname(service.log), { recursive: true })
  const log = openSync(service.log, 'a', 0o600)
  const child = spawn(program, args, {
    cwd: service.directory,
    env: service.environment,
    detached: true,
    stdio: ['ignore', log, log],
    ...service.user,
  })
  closeSync(log)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  return { pid: child.pid ?? 0, ended, stop: (signal, limitMs) => stop(child, { signal, limitMs }) }
}

async function stop(child: ChildProcess, how: { readonly signal: NodeJS.Signals; readonly limitMs: number }) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exit = once(child, 'exit')
  child.kill(how.signal)
  const late = setTimeout(() => child.kill('SIGKILL'), how.limitMs)
  await exit
  clearTimeout(late)
}

/** Tries until it succeeds; gives up, with the end of the log, when the service ended or the limit passed. */
export async function untilReady(
  service: ServiceProcess,
  options: { readonly ready: () => Promise<boolean>; readonly limitMs: number; readonly log: string },
): Promise<void> {
  let over = false
  void service.ended.then(() => (over = true))
  const deadline = performance.now() + options.limitMs
  while (!(await options.ready())) {
    if (over || performance.now() > deadline) {
      const tail = (await readFile(options.log, 'utf8').catch(() => '')).trim().split('\n').slice(-8).join('\n')
      throw new Error(`${over ? 'It ended' : 'It did not answer in time'}. The end of ${options.log}:\n${tail}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
