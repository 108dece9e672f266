import { DefaultLogger, Runtime, type LogLevel, type LogMetadata } from '@temporalio/worker'
import { pino, type Logger } from 'pino'
import type { BoundaryAudit } from '../domain/ports/boundary-audit.ts'

/** One structured line an event, with ids, never with bodies, prompts or credentials. */
export function createLogger(options: { readonly level: string; readonly name: string }): Logger {
  return pino(
    { level: options.level, name: options.name, base: { pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** Attempts to pass the boundary as warnings, until there is an audit log to hold them. */
export const createLogAudit = (logger: Logger): BoundaryAudit => ({
  blocked: (step) => logger.warn({ event: 'boundary-blocked', ...step }, 'the boundary blocked an attempt'),
})

const LEVELS = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'debug',
  WARN: 'warn',
  ERROR: 'error',
} as const satisfies Record<LogLevel, string>

/**
 * Sends the Temporal SDK's own log through ours and leaves signals to us: a worker that stops at SIGTERM by itself
 * would cut the steps in progress.
 */
export function installRuntime(logger: Logger): void {
  Runtime.install({
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: 'WARN', forward: {} } },
    logger: new DefaultLogger('INFO', ({ level, message, meta }) =>
      logger[isExpected(message) ? 'debug' : LEVELS[level]](identifiers(meta), message),
    ),
  })
}

/** Workers without workflows are what Builders are; the SDK warns of them. */
const isExpected = (message: string): boolean => message.startsWith('No workflows registered')

function identifiers(meta: LogMetadata | undefined): Record<string, unknown> {
  const { workflowId, runId, activityType, taskQueue, attempt, error } = (meta ?? {}) as Record<string, unknown>
  const reason = error instanceof Error ? error.message : undefined
  return { workflowId, runId, activityType, taskQueue, attempt, reason }
}
