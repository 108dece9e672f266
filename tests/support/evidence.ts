import type { Evidence } from '../../domain/receipt.ts'

/** What a verifier saw, with text that is hard to keep: other alphabets, escapes, a character cut in two by a log. */
export const sampleEvidence: Evidence = {
  taskId: 'task-01',
  baseCommit: 'b'.repeat(40),
  commit: 'c'.repeat(40),
  tree: 'd'.repeat(40),
  protectedPaths: ['tests/**'],
  setup: [
    { command: 'npm ci', exitCode: 0, timedOut: false, outputSha256: '0'.repeat(64), outputTail: 'added 1 package' },
  ],
  commands: [
    {
      command: 'npm test',
      exitCode: 1,
      timedOut: false,
      outputSha256: '1'.repeat(64),
      outputTail: '\ufffd\u001b[31m✗ prüft "x"\\n\u001b[0m\n',
    },
  ],
  verdict: 'failed',
  verifiedAt: '2026-11-25T10:00:00.000Z',
}
