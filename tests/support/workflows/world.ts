import { fileURLToPath } from 'node:url'
import { Client } from '@temporalio/client'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkerOptions } from '@temporalio/worker'
import { ulid } from 'ulidx'
import { withFailures } from '../../../activities/activity-failure.ts'
import { ensureSearchAttributes, searchAttributeTypes } from '../../../adapters/temporal/search-attributes.ts'
import { dynamicConfigurationFlags } from '../../../adapters/temporal/temporal-server.ts'
import { installQuietRuntime } from '../../../chaos/quiet-runtime.ts'
import { TASK_QUEUES } from '../../../domain/contracts.ts'
import type { BuilderRuns } from '../../../domain/ports/builder-runs.ts'
import { createBuilderRuns } from '../../../workers/builder-runs.ts'
import { workflowBundle } from '../../../workers/workflow-bundle.ts'
import { FakeBuilder } from './fake-builder.ts'
import { createFakeGateway, type FakeTasks } from './fake-gateway.ts'
import { FakeTask } from './fake-task.ts'
import { RunningTask } from './running-task.ts'
import type { TaskScript } from './task-script.ts'

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

const CACHE = pathOf('../../../.cache')
const DEFAULT_SEATS = [40, 40]
/** Temporal's number for a step of a workflow that a worker was given. */
const GIVEN_OUT = 2

/** The bundle every suite shares: made once per content of the workflows. */
export const sharedBundle = (): Promise<string> => workflowBundle(CACHE)

/** The same workflows, whose waits are hurried. */
const hurriedBundle = () =>
  bundleWorkflowCode({
    workflowsPath: pathOf('../../../workflows/index.ts'),
    workflowInterceptorModules: [pathOf('./hurried-time.ts')],
    logger: new DefaultLogger('ERROR'),
  })

export interface WorldOptions {
  /** Program of Temporal's dev server, or of its time-skipping test server. */
  readonly program: string
  readonly timeSkipping?: boolean
  /** Waits of the workflows take little time: see `hurried`. */
  readonly hurried?: boolean
  /** Seats of each builder. */
  readonly seats?: readonly number[]
  /** How long a restarted Manager's workflows wait for the one that is gone. */
  readonly stickyTimeout?: WorkerOptions['stickyQueueScheduleToStartTimeout']
}

/** A real Temporal server with the real workflows, and fakes for everything the workflows call. */
export class World {
  private readonly tasks = new Map<string, FakeTask>()
  readonly builders: FakeBuilder[] = []
  private manager: RunningWorker | undefined
  private gateway: RunningWorker | undefined
  private readonly runs: BuilderRuns
  private stickyTimeout: WorldOptions['stickyTimeout']

  private constructor(
    readonly env: TestWorkflowEnvironment,
    readonly client: Client,
    /** The workflows as this world runs them. */
    readonly bundle: NonNullable<WorkerOptions['workflowBundle']>,
  ) {
    this.runs = createBuilderRuns(client)
  }

  static async start({
    program,
    timeSkipping = false,
    hurried = false,
    seats = DEFAULT_SEATS,
    stickyTimeout = '500 milliseconds',
  }: WorldOptions): Promise<World> {
    installQuietRuntime()
    const executable = { type: 'existing-path', path: program } as const
    const env = timeSkipping
      ? await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } })
      : await TestWorkflowEnvironment.createLocal({
          server: {
            executable,
            extraArgs: [...dynamicConfigurationFlags, '--output', 'none'],
            log: { format: 'pretty', level: 'error' },
          },
        })
    // The time-skipping server cannot list them.
    const attributes = { namespace: 'default', searchAttributes: searchAttributeTypes }
    if (timeSkipping) await env.client.connection.operatorService.addSearchAttributes(attributes)
    else await ensureSearchAttributes(env.client, 'default')
    const bundle = hurried ? await hurriedBundle() : { codePath: await sharedBundle() }
    const world = new World(env, env.client, bundle)
    world.stickyTimeout = stickyTimeout
    world.manager = await world.startManager()
    world.gateway = await world.startGateway()
    for (const count of seats) await world.addBuilder(count)
    return world
  }

  /** A builder more; its id counts from b1. */
  async addBuilder(seats: number): Promise<FakeBuilder> {
    const builder = await FakeBuilder.start({
      id: `b${this.builders.length + 1}`,
      seats,
      address: this.env.address,
      client: this.client,
      find: this.find,
      bundle: this.bundle,
    })
    this.builders.push(builder)
    return builder
  }

  /** Starts a Manager for a scripted task. */
  async begin(script: TaskScript = {}, Truth: typeof FakeTask = FakeTask): Promise<RunningTask> {
    const id = `task-${ulid()}`
    const record = new Truth(id, script)
    this.tasks.set(id, record)
    const options = { workflowId: id, taskQueue: TASK_QUEUES.manager, args: [record.brief] as const }
    const handle = await this.client.workflow.start('manageTask', options)
    return new RunningTask(handle, record)
  }

  /** Restarts the Manager worker; what happens meanwhile reaches its workflows all at once. */
  async restartManager(meanwhile: () => Promise<void>): Promise<void> {
    await this.manager?.stop()
    await meanwhile()
    this.manager = await this.startManager()
  }

  /** Which of these workflows still run. */
  async openAmong(workflowIds: readonly string[]): Promise<readonly string[]> {
    const statuses = await Promise.all(workflowIds.map((id) => this.client.workflow.getHandle(id).describe()))
    return statuses.filter(({ status }) => status.name === 'RUNNING').map(({ workflowId }) => workflowId)
  }

  /**
   * Whether a worker was given a step of one of these workflows and has not answered. One that was given out in the
   * moment its worker is replaced arrives nowhere, and is given out again only after Temporal's ten seconds for it.
   */
  async isAnyGivenOut(workflowIds: readonly string[]): Promise<boolean> {
    const described = await Promise.all(workflowIds.map((id) => this.client.workflow.getHandle(id).describe()))
    return described.some(
      ({ raw: { pendingWorkflowTask: step } }) => Number(step?.state) === GIVEN_OUT && step?.attempt === 1,
    )
  }

  async stop(): Promise<void> {
    for (const task of this.tasks.values()) task.releaseAll()
    await Promise.all(this.builders.map((builder) => builder.stop()))
    await Promise.all([this.manager?.stop(), this.gateway?.stop()])
    await this.env.teardown()
  }

  private readonly find = (taskId: string): FakeTask => {
    const task = this.tasks.get(taskId)
    if (!task) throw new Error(`there is no task ${taskId}`)
    return task
  }

  private readonly scripted: FakeTasks = {
    find: this.find,
    add: (parent, script) => {
      const Truth = parent.constructor as typeof FakeTask
      const part = new Truth(`task-${ulid()}`, script, parent)
      this.tasks.set(part.id, part)
      return part
    },
  }

  /** Every part that was ever made of a task. */
  partsOf(whole: FakeTask): readonly FakeTask[] {
    return [...this.tasks.values()].filter(({ parent }) => parent === whole)
  }

  /** A part of a task, as people and builders speak to it once its Manager runs. */
  async part(task: RunningTask, index: number): Promise<RunningTask> {
    await task.record.when(() => task.record.subtasks.length > index)
    const part = task.record.subtasks[index] as FakeTask
    return new RunningTask(this.client.workflow.getHandle(part.id), part)
  }

  private async startManager(): Promise<RunningWorker> {
    const { understandTask: _, ...lifecycle } = withFailures(createFakeGateway(this.scripted, this.runs))
    return this.run({
      taskQueue: TASK_QUEUES.manager,
      workflowBundle: this.bundle,
      activities: { ...lifecycle },
      ...(this.stickyTimeout !== undefined && { stickyQueueScheduleToStartTimeout: this.stickyTimeout }),
    })
  }

  private startGateway(): Promise<RunningWorker> {
    const { understandTask } = withFailures(createFakeGateway(this.scripted, this.runs))
    return this.run({ taskQueue: TASK_QUEUES.gateway, activities: { understandTask } })
  }

  private async run(options: Omit<WorkerOptions, 'connection' | 'namespace'>): Promise<RunningWorker> {
    const common = { connection: this.env.nativeConnection, namespace: 'default' }
    const worker = await Worker.create({ ...common, ...options })
    const running = worker.run()
    return {
      async stop() {
        worker.shutdown()
        await running
      },
    }
  }
}

interface RunningWorker {
  stop(): Promise<void>
}
