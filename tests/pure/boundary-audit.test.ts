import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLogger, openBoundaryAudit } from '../../workers/logging.ts'
import { temporaryFolder } from '../support/sandboxed.ts'

const STEP = { what: 'kernel', target: 'a mount', taskId: 'task-1', seat: 1, step: '2.0' } as const
const DECISION = { host: 'evil.test', port: 443, allowed: false, why: 'not on the list', taskId: 'task-1' } as const

test('what happens at the boundary is written down whatever LOG_LEVEL is, and stays when the builder starts again', () => {
  const file = join(temporaryFolder(), 'logs', 'boundary.ndjson')
  const logger = createLogger({ level: 'silent', name: 'builder' })
  openBoundaryAudit({ file, logger }).blocked(STEP)
  openBoundaryAudit({ file, logger }).decided(DECISION)
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { event: 'boundary-blocked', ...STEP, time: expect.any(Number) },
    { event: 'egress', ...DECISION, time: expect.any(Number) },
  ])
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('an audit that cannot be opened is an error, not silence', () => {
  const logger = createLogger({ level: 'silent', name: 'builder' })
  expect(() => openBoundaryAudit({ file: '/dev/null/logs/boundary.ndjson', logger })).toThrow(/ENOTDIR|EEXIST/)
})
