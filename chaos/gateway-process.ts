import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { childEnvironment } from '../adapters/config.ts'
import { ownerOf } from '../adapters/processes/data-directory.ts'
import type { ControlGroup } from './control-group.ts'

const OCG = fileURLToPath(new URL('../bin/ocg.mjs', import.meta.url))
const LOOK_EVERY_MS = 50
/** What a gateway may take to end when it is asked. */
const STOP_LIMIT_MS = 45_000
/** A start fails while a service is away; it is tried again as any supervisor would. */
const BETWEEN_STARTS_MS = 500

/** The gateway under test, kept running as an operator's supervisor does. */
export class GatewayProcess {
  private child: ChildProcess | undefined
  private address: string | undefined
  private wanted = false
  private stopping = false
  private readonly exits: string[] = []

  constructor(
    private readonly options: {
      readonly directory: string
      readonly log: string
      readonly environment: Readonly<Record<string, string>>
      /** Takes each gateway with all it starts. */
      readonly group?: ControlGroup | undefined
      /** Path of another `ocg` than that of this checkout. */
      readonly command?: string | undefined
    },
  ) {}

  /** Where it answers; undefined while it does not run. */
  get url(): string | undefined {
    return this.address
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Ends of a gateway that was up and that nobody had asked to end. */
  get unexpectedExits(): readonly string[] {
    return this.exits
  }

  /** Starts it, again and again until it is up. */
  async start(): Promise<void> {
    while (!this.stopping && !(await this.startOnce())) await delay(BETWEEN_STARTS_MS)
  }

  /** SIGKILL, or SIGTERM and waiting; then a new one. */
  async replace(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.end(signal)
    await this.start()
  }

  /** Gives the exit code. */
  async stop(): Promise<number | null> {
    this.stopping = true
    return this.end('SIGTERM')
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this
    this.wanted = false
    this.address = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exit = once(child, 'exit')
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
    await exit
    clearTimeout(late)
    return child.exitCode
  }

  private async startOnce(): Promise<boolean> {
    const { directory, log, environment, group, command = OCG } = this.options
    const output = openSync(log, 'a')
    const { PATH, HOME } = childEnvironment({})
    const child = spawn(process.execPath, [command, 'up', '--json'], {
      env: { PATH, HOME, DATA_DIR: directory, PORT: '0', ...environment },
      stdio: ['ignore', 'ignore', output],
      // Ctrl-C is for the run to pass on.
      detached: true,
    })
    closeSync(output)
    group?.adopt(child.pid ?? 0)
    this.child = child
    child.once('exit', (code, signal) => this.ended(child, signal ?? `code ${code}`))
    while (child.exitCode === null && child.signalCode === null) {
      const owner = await ownerOf(directory)
      if (owner?.pid === child.pid && owner?.url !== undefined) {
        this.address = owner.url
        this.wanted = true
        return true
      }
      await delay(LOOK_EVERY_MS)
    }
    return false
  }

  /** A gateway that was up must not end by itself; it is replaced all the same. */
  private ended(child: ChildProcess, how: string): void {
    if (!this.wanted || child !== this.child) return
    this.wanted = false
    this.address = undefined
    this.exits.push(how)
    void this.start()
  }
}
