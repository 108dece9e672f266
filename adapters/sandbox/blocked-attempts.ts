import { constants } from 'node:os'
import type { BlockedAttempt, SandboxResult } from '../../domain/ports/sandbox.ts'
import { inGib, LIMITS } from './limits.ts'

const KILLED_BY = 128

/** What the way a command ended tells; a command may claim it of itself, to nobody's harm. */
export function blockedBySignal({ exitCode }: SandboxResult): readonly BlockedAttempt[] {
  if (exitCode === KILLED_BY + constants.signals.SIGSYS)
    return [{ what: 'kernel', target: 'a system call by the rules of another architecture' }]
  if (exitCode === KILLED_BY + constants.signals.SIGXFSZ)
    return [{ what: 'disk', target: `a file of more than ${inGib(LIMITS.fileBytes)}` }]
  return []
}

const ADVICE: Readonly<Record<BlockedAttempt['what'], string>> = {
  egress: 'Only hosts on the operator’s list can be reached.',
  kernel: 'The sandbox does not serve it.',
  memory: 'Do it in smaller parts, or with fewer workers.',
  processes: 'Start fewer at once.',
  disk: 'Remove what is not needed.',
}

/** The result with the attempts, and behind its errors what a reader must know of them. */
export function withBlocked(result: SandboxResult, blocked: readonly BlockedAttempt[]): SandboxResult {
  if (blocked.length === 0) return result
  const lines = blocked.map(({ what, target }) => `[sandbox] ${what}: ${target}. ${ADVICE[what]}\n`)
  return { ...result, blocked, stderr: Buffer.concat([result.stderr, Buffer.from(lines.join(''))]) }
}
