import { Connection } from '@temporalio/client'
import { listenerOf } from '../processes/ports.ts'
import { groupOf } from '../processes/process-identity.ts'
import { startService, untilReady } from '../processes/service-process.ts'

const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 10_000

/**
 * Settings of the embedded server.
 * The poll rates: its single shard otherwise looks for work 20 times a second, which adds up to 50 ms to every step.
 * Eager activities: a Manager takes its own short steps with the answer to its workflow task, not by a further poll.
 * One partition makes priority exact; fairness shares the pool between tenants; statistics are fresh enough to scale by.
 */
const DYNAMIC_CONFIGURATION = {
  'history.transferProcessorMaxPollRPS': 2_000,
  'history.timerProcessorMaxPollRPS': 2_000,
  'system.enableActivityEagerExecution': true,
  'matching.enableFairness': true,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'matching.TaskQueueInfoByBuildIdTTL': '"250ms"',
}
export const dynamicConfigurationFlags: readonly string[] = Object.entries(DYNAMIC_CONFIGURATION).flatMap(
  ([key, value]) => ['--dynamic-config-value', `${key}=${value}`],
)
/** Survives a killed process; a power cut may take the last commits, never the file. */
const PRAGMAS = ['journal_mode=WAL', 'synchronous=NORMAL']
/** Go lets a heap grow to twice what is in use before it collects; with one and a half it is smaller by 30 MB. */
const COLLECT_AT_PERCENT = '50'

export interface TemporalServer {
  readonly address: string
  readonly uiUrl: string
  readonly pid: number
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** Starts Temporal's server with its state in one file; resolves when it answers. */
export async function startTemporal(options: {
  readonly program: string
  readonly database: string
  readonly directory: string
  readonly log: string
  readonly namespace: string
  readonly ports: { readonly grpc: number; readonly ui: number; readonly http: number; readonly metrics: number }
}): Promise<TemporalServer> {
  const { ports } = options
  const flags = [
    ...['--ip', '127.0.0.1', '--ui-ip', '127.0.0.1', '--namespace', options.namespace, '--log-level', 'warn'],
    ...['--port', ports.grpc, '--ui-port', ports.ui, '--http-port', ports.http, '--metrics-port', ports.metrics],
    ...['--db-filename', options.database],
    ...PRAGMAS.flatMap((pragma) => ['--sqlite-pragma', pragma]),
    ...dynamicConfigurationFlags,
  ]
  const service = startService({
    command: [options.program, 'server', 'start-dev', ...flags.map(String)],
    environment: { PATH: '/usr/bin:/bin', HOME: options.directory, GOGC: COLLECT_AT_PERCENT },
    directory: options.directory,
    log: options.log,
  })
  const address = `127.0.0.1:${ports.grpc}`
  // Another gateway's server may be faster on this port, and answers just as well. So whoever answered is asked for
  // afterwards: before it, nobody may listen there yet.
  const isOurs = () => {
    const listener = listenerOf(ports.grpc)
    return listener !== undefined && groupOf(listener) === service.pid
  }
  const ready = async () => (await temporalAnswers(address, options.namespace)) && isOurs()
  await untilReady(service, { ready, limitMs: START_LIMIT_MS, log: options.log })
  return {
    address,
    uiUrl: `http://127.0.0.1:${ports.ui}`,
    pid: service.pid,
    ended: service.ended,
    stop: () => service.stop('SIGTERM', STOP_LIMIT_MS),
  }
}

/** Whether a server answers for a namespace. */
export async function temporalAnswers(address: string, namespace: string): Promise<boolean> {
  try {
    const connection = await Connection.connect({ address, connectTimeout: 1_000 })
    try {
      await connection.workflowService.describeNamespace({ namespace })
      return true
    } finally {
      await connection.close()
    }
  } catch {
    return false
  }
}
