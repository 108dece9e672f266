import type { Oracle } from './oracle.ts'

/** A revoked key opens nothing. */
export const keysRevoked: Oracle = {
  name: 'keys-revoked',
  promise: 'each revoked API key is refused with 401',
  violations: ({ revokedKeys }) =>
    revokedKeys.filter((status) => status !== 401).map((status) => `a revoked key was answered with ${status}`),
}
