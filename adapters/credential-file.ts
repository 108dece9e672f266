import { readFileSync } from 'node:fs'
import { GatewayError, type ErrorCode } from '../domain/errors.ts'
import type { KnownRepository } from '../domain/schemas/known-repositories.ts'

/** What the credential file of a known repository holds; undefined when it has none. Throws `code` when it is unreadable. */
export function secretOf(known: KnownRepository | undefined, code: ErrorCode): string | undefined {
  if (known?.credentialFile === undefined) return undefined
  try {
    return readFileSync(known.credentialFile, 'utf8').trim()
  } catch (error) {
    throw credentialFault(known, { code, what: `cannot be read (${(error as NodeJS.ErrnoException).code})` })
  }
}

/** The operator is told which file it is. */
export const credentialFault = (
  { name }: Pick<KnownRepository, 'name'>,
  { code, what }: { readonly code: ErrorCode; readonly what: string },
): GatewayError =>
  new GatewayError(
    code,
    `The credential file of the known repository ${name} ${what}. Correct credentialFile in REPOSITORIES_FILE.`,
  )
