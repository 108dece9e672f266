import type { Oracle } from './oracle.ts'

/** Statuses the simulator answers with when a request breaks the model's rules. */
const VIOLATIONS = [400, 401, 403, 404]

/** Model signatures, pairs of calls and the rest of the protocol survive every restart. */
export const protocolKept: Oracle = {
  name: 'protocol-kept',
  promise: 'no request to the model breaks its protocol: signatures byte for byte, calls paired with responses',
  violations: ({ ledger }) =>
    ledger
      .filter(({ status }) => VIOLATIONS.includes(status))
      .map(({ at, taskMatch, refusal }) => `${at} ${taskMatch ?? ''} ${refusal ?? ''}`),
}
