import { readdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Logger } from 'pino'
import { ulid } from 'ulidx'
import { removeDirectory } from '../activities/builder/remove-directory.ts'
import { identify } from '../adapters/processes/process-identity.ts'
import { faultOf, restartPauseMs, type BuilderCheck } from '../domain/builder-health.ts'
import type { BuilderRecord, Leadership, Store } from '../domain/ports/store.ts'
import { planScaling, type PoolBounds, type PooledBuilder } from '../domain/scaling.ts'
import { seatLostSignal } from '../workflows/messages.ts'
import { BuilderProcess, type BuilderProcessOptions } from './builder-process.ts'
import { servicesReached } from './services-reached.ts'

/** A seat request may wait so long before anybody looks; the builder it causes needs two seconds more. */
const LOOK_EVERY_MS = 500
/** A builder that cannot answer for so long does no work either. */
const ANSWER_LIMIT_MS = 10_000
/** A service that needs longer is not there for who works with it. */
const SERVICE_LIMIT_MS = 3_000
const OFFICE = 'builder-pool'

export interface BuilderPoolOptions extends Pick<BuilderProcessOptions, 'environment' | 'sample'> {
  readonly bounds: PoolBounds
  readonly healthIntervalMs: number
  /** Folder below which each builder keeps its files. */
  readonly directory: string
  /** How many seat requests wait. */
  readonly waiting: () => Promise<number>
  readonly store: Store
  readonly client: Client
  readonly logger: Logger
}

/**
 * Supervises the Builders of a namespace: as many as the queue needs, each of them healthy, and Managers told at once
 * when one is gone. Of several gateways on one database one leads; the others stand by.
 */
export class BuilderPool {
  private readonly builders = new Map<string, BuilderProcess>()
  /** Ended ones whose successor waits for the back-off. */
  private restarting = 0
  private leadership: Leadership | undefined
  private leading: Promise<boolean> | undefined
  private readonly stopping = new AbortController()
  private readonly loops: Promise<void>[] = []

  constructor(private readonly options: BuilderPoolOptions) {}

  /** Resolves with the number of builders when as many poll as should at least, or when another gateway leads. */
  async start(): Promise<number> {
    if (await this.isLeading()) {
      await this.scale()
      await this.removeLeftovers()
      await Promise.all([...this.builders.values()].map(({ ready }) => ready))
    }
    this.loops.push(
      this.repeat(LOOK_EVERY_MS, () => this.scale()),
      this.repeat(this.options.healthIntervalMs, () => this.checkHealth()),
    )
    return this.builders.size
  }

  /** Drains every builder; ends those that still run after the limit. */
  async stop(limitMs: number): Promise<void> {
    this.stopping.abort()
    const ended = [...this.builders.values()].map(async (builder) => {
      builder.drain()
      const late = setTimeout(() => builder.kill(), limitMs)
      await builder.exited
      clearTimeout(late)
    })
    await Promise.all([...ended, ...this.loops])
    await this.leadership?.resign()
  }

  private async repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping
    while (!signal.aborted) {
      await delay(everyMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await work().catch((error: unknown) =>
        this.options.logger.warn({ reason: String(error) }, 'supervising the builders failed; it is repeated'),
      )
    }
  }

  /** One attempt at a time: a second one would find the office held, by the first. */
  private isLeading(): Promise<boolean> {
    return (this.leading ??= this.lead().finally(() => (this.leading = undefined)))
  }

  private async lead(): Promise<boolean> {
    if (this.leadership?.lost.aborted) this.leadership = undefined
    if (this.leadership) return true
    this.leadership = await this.options.store.tryToLead(OFFICE)
    if (this.leadership) this.options.logger.info('this gateway supervises the builders')
    return this.leadership !== undefined
  }

  /**
   * All gateways make the same plan of the same registry. The one that leads starts what is missing; each drains those
   * of its own that are too many, also after it has lost the office.
   */
  private async scale(): Promise<void> {
    const { store, bounds, logger } = this.options
    const leads = await this.isLeading()
    if (!leads && this.builders.size === 0) return
    const [registered, waiting] = await Promise.all([store.builders.list(), this.options.waiting()])
    const gone = registered.filter((builder) => this.isGone(builder))
    const living = registered.filter((builder) => !gone.includes(builder))
    const plan = planScaling({ builders: this.counted(living), waiting }, bounds)
    for (const own of plan.drain.flatMap((id) => this.builders.get(id) ?? [])) {
      // Until it is ready it knows no other end than a sudden one.
      if (!own.isReady) continue
      logger.info({ builder: own.id }, 'an idle builder is drained')
      own.drain()
    }
    if (!leads) return
    await Promise.all(gone.map(({ id }) => this.announceLoss(id, 'it does not report any more')))
    if (plan.start > 0) logger.info({ waiting, builders: living.length, start: plan.start }, 'the pool grows')
    await Promise.all(Array.from({ length: plan.start }, () => this.add({ restarts: 0, pauseMs: 0 })))
  }

  /** Registered builders, whoever started them, and those of this process that are still to come. */
  private counted(registered: readonly BuilderRecord[]): readonly PooledBuilder[] {
    const now = Date.now()
    const known = registered.map(({ id, state, seatsUsed, supervised, idleSince }) => ({
      id,
      draining: state === 'draining' || this.builders.get(id)?.isDraining === true,
      seatsUsed,
      // What no gateway started no gateway takes away.
      idleMs: supervised && state !== 'starting' && idleSince !== undefined ? now - Date.parse(idleSince) : 0,
    }))
    const coming = [...this.builders.keys()].filter((id) => !registered.some((builder) => builder.id === id))
    const next = Array.from({ length: this.restarting }, (_, index) => `next-${index}`)
    return [...known, ...[...coming, ...next].map((id) => ({ id, draining: false, seatsUsed: 0, idleMs: 0 }))]
  }

  private async add(line: Pick<BuilderProcessOptions, 'restarts' | 'pauseMs'>): Promise<void> {
    // The stop drains those it finds; one that came later would be left behind.
    if (this.stopping.signal.aborted) return
    const { environment, sample, store, bounds } = this.options
    const id = `b${ulid().slice(-10).toLowerCase()}`
    const builder = new BuilderProcess({ id, ...line, environment, sample })
    this.builders.set(id, builder)
    void builder.exited.then(() => this.ended(builder)).catch((error: unknown) => this.failed(builder, error))
    await store.builders.report({
      ...{ id, pid: builder.pid, host: hostname(), state: 'starting', seats: bounds.seats, seatsUsed: 0, tasks: [] },
      ...{ restarts: line.restarts, cpu: 0, rssBytes: 0, supervised: true },
    })
  }

  private async ended(builder: BuilderProcess): Promise<void> {
    const { logger, store } = this.options
    const { id } = builder
    this.builders.delete(id)
    if (this.stopping.signal.aborted) return
    const removed = removeDirectory(join(this.options.directory, id))
    void removed.catch((error: unknown) => logger.warn({ reason: String(error) }, 'files of a builder are left'))
    if (builder.isDraining && builder.end.code === 0) return store.builders.remove(id)
    const pauseMs = restartPauseMs(builder)
    logger.warn({ builder: id, ...builder.end, pauseMs }, 'builder exited')
    this.restarting++
    try {
      await this.announceLoss(id, 'its process exited').catch((error: unknown) => this.failed(builder, error))
      // Nobody needs a successor of one that was to go.
      if (builder.isDraining) return
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal: this.stopping.signal })
      if (await this.isLeading()) await this.add({ restarts: builder.restarts + 1, pauseMs })
    } finally {
      this.restarting--
    }
  }

  private failed({ id }: BuilderProcess, error: unknown): void {
    if (this.stopping.signal.aborted) return
    this.options.logger.error({ builder: id, reason: String(error) }, 'the end of a builder could not be handled')
  }

  /** Ends builders something is wrong with; what follows is as after a crash. */
  private async checkHealth(): Promise<void> {
    const answerMs = Math.min(ANSWER_LIMIT_MS, this.options.healthIntervalMs)
    // A service that hangs must not make a builder look as if it did.
    const serviceMs = Math.min(SERVICE_LIMIT_MS, answerMs / 2)
    const reaching = servicesReached(this.options, serviceMs)
    const checks = [...this.builders.values()].map(async (builder) => {
      const asking = builder.stage === 'starting' ? undefined : builder.health({ answerMs, serviceMs })
      const [reached, answer] = await Promise.all([reaching, asking])
      // It may have begun to drain, or have ended, while it was asked.
      if (this.stopping.signal.aborted || !this.builders.has(builder.id)) return
      const { stage, ageMs, doubt: before } = builder
      this.judge(builder, { stage, ageMs, answer, reached, before })
    })
    await Promise.all(checks)
    const reached = await reaching
    if (!Object.values(reached).every(Boolean))
      this.options.logger.warn(
        { reached, withinMs: serviceMs },
        'a service does not answer; no builder is blamed for it',
      )
  }

  private judge(builder: BuilderProcess, check: BuilderCheck): void {
    const { logger } = this.options
    const fault = faultOf(check)
    builder.doubt = fault?.reason
    if (fault) {
      const words = fault.isCertain ? 'an unhealthy builder is ended' : 'a builder is doubtful; the next check decides'
      logger.warn({ builder: builder.id, fault: fault.reason }, words)
      if (fault.isCertain) builder.kill()
    } else if (!builder.wasHealthy && check.answer && Object.values(check.answer.reached).every(Boolean)) {
      builder.wasHealthy = true
      logger.info({ builder: builder.id }, 'a builder is healthy')
    }
  }

  /** Whether its end was not seen here: its gateway was killed, or its host. */
  private isGone({ id, state, host, pid }: BuilderRecord): boolean {
    if (this.builders.has(id)) return false
    return state === 'lost' || (host === hostname() && identify(pid) === undefined)
  }

  /** Files of builders that a killed gateway left. */
  private async removeLeftovers(): Promise<void> {
    const { directory, store } = this.options
    const known = new Set((await store.builders.list()).map(({ id }) => id))
    const folders = await readdir(directory).catch(() => [])
    await Promise.all(folders.filter((id) => !known.has(id)).map((id) => removeDirectory(join(directory, id))))
  }

  private async announceLoss(builder: string, reason: string): Promise<void> {
    const { store, client } = this.options
    await store.builders.remove(builder)
    const tasks = await store.tasks.heldBy(builder)
    const tell = (task: string) => client.workflow.getHandle(task).signal(seatLostSignal, { builder, reason })
    await Promise.all(tasks.map((task) => tell(task).catch(() => undefined)))
  }
}
