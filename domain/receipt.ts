import type { Verdict } from './task.ts'

/** One command the verifier ran. */
export interface CommandEvidence {
  readonly command: string
  readonly exitCode: number
  readonly timedOut: boolean
  /** SHA-256 of the whole output. */
  readonly outputSha256: string
  /** The end of the output. */
  readonly outputTail: string
}

/** What the verifier saw; the signed part of a {@link Receipt}. */
export interface Evidence {
  readonly taskId: string
  readonly baseCommit: string
  readonly commit: string
  readonly tree: string
  readonly protectedPaths: readonly string[]
  readonly setup: readonly CommandEvidence[]
  readonly commands: readonly CommandEvidence[]
  readonly verdict: Verdict
  /** RFC 3339. */
  readonly verifiedAt: string
}

/**
 * Proof of a verification: the evidence as the exact text that was signed, with an Ed25519 signature over its UTF-8
 * bytes. A changed byte of `evidence` fails.
 */
export interface Receipt {
  readonly version: 1
  /** JSON of {@link Evidence}. */
  readonly evidence: string
  /** Base64. */
  readonly signature: string
  /** SPKI DER, base64. */
  readonly publicKey: string
  /** First 16 hex digits of the SHA-256 of the public key. */
  readonly keyId: string
}
