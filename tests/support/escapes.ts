import { beforeAll, expect, test } from 'vitest'
import type { BlockedAttempt, Sandbox } from '../../domain/ports/sandbox.ts'
import { bubblewrap } from './programs.ts'
import { ran, unprotected } from './sandboxed.ts'

/** What a command tries that must not leave the sandbox. */
export interface Escape {
  readonly name: string
  /** Bash that prints `escaped` when it got what it wanted. */
  readonly script: string
  /** Who gets it on the host, which shows that the attack is real. `nobody`: it would do harm, or a container forbids it. */
  readonly outside: 'anybody' | 'root' | 'nobody'
  /** As what the attempt is reported; without it nobody hears of it. */
  readonly reported?: BlockedAttempt['what']
}

/** Where an attack happens, and what it is told. */
export interface Scene {
  readonly workspace: string
  readonly environment: Readonly<Record<string, string>>
}

const TOLD = { timeoutMs: 10_000 }
const isRoot = process.getuid?.() === 0

/** Plays every attack on the host, where it works, and in the sandbox, where it does not. */
export function testEscapes(escapes: readonly Escape[], arrange: () => Scene | Promise<Scene>): void {
  let sandbox: Sandbox
  let host: Sandbox
  beforeAll(async () => {
    sandbox = await bubblewrap()
    host = await unprotected()
  })

  test.each(escapes.map((escape) => [escape.name, escape] as const))('%s', async (_, { script, outside, reported }) => {
    const played = async (where: Sandbox) => ran(where, script, { ...TOLD, ...(await arrange()) })
    if (outside === 'anybody' || (outside === 'root' && isRoot))
      expect((await played(host)).stdout, 'on the host').toContain('escaped')
    const { stdout, blocked = [] } = await played(sandbox)
    expect(stdout, 'in the sandbox').not.toContain('escaped')
    expect(
      blocked.map(({ what }) => what),
      'as it is reported',
    ).toEqual(reported === undefined ? [] : [reported])
  })
}
