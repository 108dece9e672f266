import { constants } from 'node:os'
import type { BlockedAttempt, SandboxResult } from '../../domain/ports/sandbox.ts'
import { inGib, LIMITS } from './limits.ts'

const KILLED_BY = 128

/** What bash and small shells say of a child that a call ended. */
const SHELL_WORDS = 'Bad system call'
const SHELL_LINE = new RegExp(`^(.*: line \\d+: +\\d+ )?${SHELL_WORDS}( |$)`, 'm')

/** What the way a command or a child of its shell ended tells; a command may claim it of itself, to nobody's harm. */
export function blockedBySignal(result: SandboxResult): readonly BlockedAttempt[] {
  const { exitCode, stdout, stderr } = result
  if (exitCode === KILLED_BY + constants.signals.SIGSYS || [stdout, stderr].some(tellsOfCall))
    return [{ what: 'kernel', target: 'a forbidden system call (a mount, bpf, a kernel module, tracing and the like)' }]
  if (exitCode === KILLED_BY + constants.signals.SIGXFSZ)
    return [{ what: 'disk', target: `a file of more than ${inGib(LIMITS.fileBytes)}` }]
  return []
}

function tellsOfCall(output: Uint8Array): boolean {
  const bytes = Buffer.from(output.buffer, output.byteOffset, output.byteLength)
  return bytes.includes(SHELL_WORDS) && SHELL_LINE.test(bytes.toString('latin1'))
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
