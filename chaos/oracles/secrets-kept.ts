import type { Oracle } from './oracle.ts'

/** Secrets reach whom they are for, and are written down nowhere. */
export const secretsKept: Oracle = {
  name: 'secrets-kept',
  promise: 'no key is in a log, a history, a table, a ledger or a workspace',
  violations: ({ leaks }) => leaks,
}
