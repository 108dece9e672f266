import { DefaultLogger, Runtime, type LogLevel, type LogMetadata } from '@temporalio/worker'
import { pino, type Logger } from 'pino'
import type { EgressDecision } from '../adapters/egress/egress-proxy.ts'
import type { BoundaryAudit } from '../domain/ports/boundary-audit.ts'

/** One structured line an event, with ids, never with bodies, prompts or credentials. */
export function createLogger(options: { readonly level: string; readonly name: string }): Logger {
  return pino(
    { level: options.level, name: options.name, base: { pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** Attempts to pass the boundary, and what was decided about its connections. */
export interface OpenedAudit extends BoundaryAudit {
  decided(decision: EgressDecision & { readonly taskId: string }): void
}

/**
 * Opens the file that holds what happened at the boundary, a JSON document a line, whatever the level leaves of the log.
 * A file that cannot be opened is an error; one that cannot be written later is told in the log.
 */
export function openBoundaryAudit(options: { readonly file: string; readonly logger: Logger }): OpenedAudit {
  const { file, logger } = options
  const destination = pino.destination({ dest: file, mkdir: true, append: true, mode: 0o600, sync: true })
  destination.on('error', (error: Error) =>
    logger.error({ event: 'audit-failed', file, reason: error.message }, 'no audit'),
  )
  const audit = pino({ base: { pid: process.pid } }, destination)
  return {
    blocked: (step) => {
      for (const log of [audit, logger])
        log.warn({ event: 'boundary-blocked', ...step }, 'the boundary blocked an attempt')
    },
    decided: (decision) => {
      for (const log of [audit, logger]) log.info({ event: 'egress', ...decision }, 'egress decided')
    },
  }
}

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
