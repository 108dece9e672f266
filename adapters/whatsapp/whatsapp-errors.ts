import type { DeliveryReport } from '../../domain/chat/message.ts'
import type { Delivery } from '../../domain/ports/channel.ts'

/** An error of the Graph API; only its code says what it is. */
export interface GraphRefusal {
  readonly code?: unknown
  readonly message?: unknown
  readonly error_data?: { readonly details?: unknown }
}

/** Nobody may be written to who has been silent for a day. */
const OUT_OF_WINDOW = 131_047
/** Messages to one person follow each other too fast: one every six seconds. */
const PAIR_RATE = 131_056
const PAIR_RATE_MS = 6_000
/** Throughput of the app, the account, the number. */
const TOO_MANY = [4, 80_007, 130_429, 133_016]
const TOO_MANY_MS = 2_000
/** What an operator has to mend: a token, a permission, a locked or restricted account. What waits is sent then. */
const OPERATOR = [0, 3, 10, 190, 200, 368, 131_005, 131_031, 131_042, 131_045, 131_048, 131_057, 133_010]
const OPERATOR_MS = 30_000
/** The service is not well: it may or may not have taken the message. */
const UNWELL = [1, 2, 131_000, 131_016, 133_004]
/** After a message it took and could not deliver. */
const UNWELL_MS = 10_000

/** What an error of the service says about a message. */
export function deliveryOfRefusal(status: number, error: GraphRefusal | undefined): Delivery {
  const code = typeof error?.code === 'number' ? error.code : undefined
  const details = error?.error_data?.details ?? error?.message ?? 'no usable answer'
  const reason = `${status}${code === undefined ? '' : ` ${code}`} ${(typeof details === 'string' ? details : 'no usable answer').slice(0, 300)}`
  if (code === OUT_OF_WINDOW) return { type: 'out-of-window' }
  if (code === PAIR_RATE) return { type: 'later', reason, afterMs: PAIR_RATE_MS }
  if (code !== undefined && TOO_MANY.includes(code)) return { type: 'later', reason, afterMs: TOO_MANY_MS }
  if (code !== undefined && OPERATOR.includes(code)) return { type: 'later', reason, afterMs: OPERATOR_MS }
  if (code === undefined && status === 401) return { type: 'later', reason, afterMs: OPERATOR_MS }
  if (status === 429) return { type: 'later', reason }
  if (status >= 500 || status < 400 || (code !== undefined && UNWELL.includes(code))) return { type: 'unknown', reason }
  return { type: 'refused', reason }
}

/** What a status that failed says: the message did not arrive. */
export function reportOfFailure(error: GraphRefusal): Pick<DeliveryReport, 'outcome' | 'afterMs'> {
  const delivery = deliveryOfRefusal(400, error)
  if (delivery.type === 'out-of-window') return { outcome: 'out-of-window' }
  if (delivery.type === 'later') return { outcome: 'later', afterMs: delivery.afterMs }
  return delivery.type === 'unknown' ? { outcome: 'later', afterMs: UNWELL_MS } : { outcome: 'failed' }
}

/** Failures before the request left; after that nobody knows. */
const NEVER_SENT = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
]

/** What a request that got no answer says about a message. */
export function deliveryOfSilence(error: unknown): Delivery {
  const { code } = ((error as Error).cause ?? {}) as { readonly code?: unknown }
  const reason = typeof code === 'string' ? code : (error as Error).name
  return { type: NEVER_SENT.includes(String(code)) ? 'later' : 'unknown', reason }
}
