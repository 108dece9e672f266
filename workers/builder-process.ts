import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { BuilderCheck, Reached } from '../domain/builder-health.ts'
import { SMALL_YOUNG_SPACE } from './young-space.ts'

const ENTRY = fileURLToPath(new URL('../bin/run.mjs', import.meta.url))
const BUILDER = fileURLToPath(new URL('./builder.ts', import.meta.url))

/** By itself V8 collects with four threads a heap that one is done with as fast. */
const FLAGS = [SMALL_YOUNG_SPACE, '--single-threaded-gc']

/** What a builder tells the process that started it. */
export type BuilderMessage =
  | { readonly type: 'ready' }
  /** `polling`: its workers run; `reached`: the services that answered it just now. */
  | { readonly type: 'health'; readonly polling: boolean; readonly reached: Reached }

/** The one question it is asked. */
export interface HealthQuestion {
  readonly type: 'health'
  /** Its patience with the services: that of who asks. */
  readonly serviceLimitMs: number
}

export type Health = Extract<BuilderMessage, { readonly type: 'health' }>

export interface BuilderProcessOptions {
  readonly id: string
  /** How often its predecessors ended. */
  readonly restarts: number
  /** How long its line of restarts waited for it. */
  readonly pauseMs: number
  readonly environment: Readonly<Record<string, string | undefined>>
  /** URL of the one repository it may work on without a sandbox where there is none. */
  readonly sample?: string | undefined
}

/** A Builder as its parent sees it. The channel between them is its lifeline: it ends when the parent does. */
export class BuilderProcess {
  readonly id: string
  readonly restarts: number
  readonly pauseMs: number
  /** Whether it polls; false when it ended before it ever did. */
  readonly ready: Promise<boolean>
  readonly exited: Promise<void>
  isReady = false
  isDraining = false
  /** The fault the last check found and left to the next. */
  doubt: string | undefined
  /** Whether a check ever found nothing wrong. */
  wasHealthy = false
  private readonly startedAt = performance.now()
  private readonly child: ChildProcess

  constructor({ id, restarts, pauseMs, environment, sample }: BuilderProcessOptions) {
    this.id = id
    this.restarts = restarts
    this.pauseMs = pauseMs
    const args = [...FLAGS, ENTRY, BUILDER, '--id', id, '--restarts', String(restarts)]
    if (sample !== undefined) args.push('--sample', sample)
    this.child = spawn(process.execPath, args, {
      env: { ...environment },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.exited = once(this.child, 'exit').then(() => undefined)
    const ready = this.next('ready').then(() => (this.isReady = true))
    this.ready = Promise.race([ready, this.exited.then(() => false)])
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  get stage(): BuilderCheck['stage'] {
    if (this.isDraining) return 'draining'
    return this.isReady ? 'working' : 'starting'
  }

  get ageMs(): number {
    return performance.now() - this.startedAt
  }

  /** How it ended, for a log. */
  get end() {
    return { code: this.child.exitCode, signal: this.child.signalCode }
  }

  /** Asks how it is; undefined when it did not answer in time. */
  async health(limits: { readonly answerMs: number; readonly serviceMs: number }): Promise<Health | undefined> {
    const answer = this.next('health')
    const question: HealthQuestion = { type: 'health', serviceLimitMs: limits.serviceMs }
    this.child.send(question, () => undefined)
    let late: NodeJS.Timeout | undefined
    const limit = new Promise<undefined>((resolve) => (late = setTimeout(() => resolve(undefined), limits.answerMs)))
    const answered = await Promise.race([answer, limit, this.exited.then(() => undefined)])
    clearTimeout(late)
    return answered
  }

  /** Hands its seats over and ends. */
  drain(): void {
    this.isDraining = true
    this.child.kill('SIGTERM')
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  private next<Type extends BuilderMessage['type']>(type: Type): Promise<Extract<BuilderMessage, { type: Type }>> {
    return new Promise((resolve) => {
      const take = (message: BuilderMessage) => {
        if (message.type !== type) return
        this.child.off('message', take)
        resolve(message as Extract<BuilderMessage, { type: Type }>)
      }
      this.child.on('message', take)
    })
  }
}
