import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { ulid } from 'ulidx'
import { removeDirectory } from '../activities/builder/remove-directory.ts'
import type { Store } from '../domain/ports/store.ts'
import { seatLostSignal } from '../workflows/messages.ts'

const ENTRY = fileURLToPath(new URL('../bin/run.mjs', import.meta.url))
const BUILDER = fileURLToPath(new URL('./builder.ts', import.meta.url))

export interface BuilderPoolOptions {
  readonly size: number
  /** Folder below which each builder keeps its files. */
  readonly directory: string
  /** Environment of the builders: the gateway's own with the addresses of what it started. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly sample?: string | undefined
  readonly store: Store
  readonly client: Client
  readonly logger: Logger
}

interface Builder {
  readonly id: string
  readonly child: ChildProcess
  readonly restarts: number
  readonly startedAt: number
}

/** Keeps a number of Builder processes alive and tells Managers at once when one is gone. */
export class BuilderPool {
  private readonly builders = new Map<string, Builder>()
  private stopping = false
  /** Grows only while builders die before they were ever ready; a crash at work is answered at once. */
  private backOffMs = 0

  constructor(private readonly options: BuilderPoolOptions) {}

  /** Starts the pool; resolves when every builder polls. */
  async start(): Promise<void> {
    await this.forgetStrangers()
    await Promise.all(Array.from({ length: this.options.size }, () => this.add(0)))
  }

  /** Drains every builder; ends those that still run after the limit. */
  async stop(limitMs: number): Promise<void> {
    this.stopping = true
    const ended = [...this.builders.values()].map(async ({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), limitMs)
      await exit
      clearTimeout(late)
    })
    await Promise.all(ended)
  }

  private async add(restarts: number): Promise<void> {
    const id = `b${ulid().slice(-10).toLowerCase()}`
    const args = [ENTRY, BUILDER, '--id', id, '--restarts', String(restarts)]
    if (this.options.sample !== undefined) args.push('--sample', this.options.sample)
    // The open stdin is the builder's lifeline: it closes with this process, however this process ends.
    const child = spawn(process.execPath, args, {
      env: { ...this.options.environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    child.stdin?.on('error', () => undefined)
    const builder = { id, child, restarts, startedAt: Date.now() }
    this.builders.set(id, builder)
    let ready = false
    child.once('exit', () => void this.replace(builder, ready))
    await new Promise<void>((resolve) => {
      child.stdout?.once('data', () => {
        ready = true
        this.backOffMs = 0
        resolve()
      })
      child.once('exit', () => resolve())
    })
  }

  private async replace(builder: Builder, wasReady: boolean): Promise<void> {
    this.builders.delete(builder.id)
    if (this.stopping) return
    const left = removeDirectory(join(this.options.directory, builder.id))
    void left.catch((error: unknown) =>
      this.options.logger.warn({ reason: String(error) }, 'files of a builder are left'),
    )
    const { logger } = this.options
    logger.warn(
      { builder: builder.id, code: builder.child.exitCode, signal: builder.child.signalCode },
      'builder exited',
    )
    await this.announceLoss(builder.id, 'its process exited').catch((error: unknown) =>
      logger.error({ builder: builder.id, reason: String(error) }, 'could not announce a lost builder'),
    )
    if (!wasReady) this.backOffMs = Math.min(30_000, Math.max(500, this.backOffMs * 2))
    if (this.backOffMs > 0) await new Promise((resolve) => setTimeout(resolve, this.backOffMs).unref())
    if (!this.isStopping()) await this.add(builder.restarts + 1)
  }

  private isStopping(): boolean {
    return this.stopping
  }

  /** Builders that a killed gateway left in the registry died with it: their lifeline closed. */
  private async forgetStrangers(): Promise<void> {
    for (const { id } of await this.options.store.builders.list()) await this.announceLoss(id, 'its gateway ended')
    await removeDirectory(this.options.directory)
  }

  private async announceLoss(builder: string, reason: string): Promise<void> {
    const { store, client } = this.options
    await store.builders.remove(builder)
    const tasks = await store.tasks.heldBy(builder)
    await Promise.all(
      tasks.map((task) =>
        client.workflow
          .getHandle(task)
          .signal(seatLostSignal, { builder, reason })
          .catch(() => undefined),
      ),
    )
  }
}
