import { createHmac } from 'node:crypto'
import { request } from 'node:https'
import { isIPv6, type LookupFunction } from 'node:net'
import { publicAddressesOf } from '../network/public-address.ts'
import type { Delivery } from '../../domain/ports/channel.ts'

/** A receiver that needs longer should answer first and work then. */
const ANSWER_LIMIT_MS = 15_000

export interface Callback {
  /** The same for every attempt: the receiver knows a repetition by it. */
  readonly id: string
  readonly url: string
  readonly body: string
}

export interface CallbackSender {
  send(callback: Callback): Promise<Delivery>
}

/** Calls a requester's `callbackUrl`, signed as Standard Webhooks has it. */
export function createCallbackSender(options: {
  /** `whsec_` and base64. */
  readonly secret: string
  /** Hosts that may be called although they are inner ones. */
  readonly allowlist: readonly string[]
  readonly clock: () => Date
}): CallbackSender {
  const key = Buffer.from(options.secret.replace(/^whsec_/, ''), 'base64')
  return {
    async send({ id, url, body }) {
      const target = new URL(url)
      const isListed = options.allowlist.includes(target.hostname) || options.allowlist.includes(target.host)
      // Asked again now: a name may point elsewhere than when the task was accepted.
      const addresses = isListed ? undefined : await publicAddressesOf(target.hostname)
      if (!isListed && !addresses) return { type: 'later', reason: 'its host has no public address' }
      const timestamp = Math.floor(options.clock().getTime() / 1_000)
      const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
      const headers = {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': `v1,${signature}`,
      }
      return post({ target, headers, body, address: addresses?.[0] })
    },
  }
}

interface CallbackRequest {
  readonly target: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The address to connect to, whatever the name says by then. */
  readonly address: string | undefined
}

function post({ target, headers, body, address }: CallbackRequest): Promise<Delivery> {
  return new Promise((resolve) => {
    const pinned = address === undefined ? {} : { lookup: lookupOf(address) }
    const signal = AbortSignal.timeout(ANSWER_LIMIT_MS)
    const call = request(target, { method: 'POST', headers, signal, ...pinned }, (response) => {
      response.resume()
      resolve(deliveryOf(response.statusCode ?? 0, response.headers['retry-after']))
    })
    call.on('error', (error: NodeJS.ErrnoException) => resolve({ type: 'later', reason: error.code ?? error.name }))
    call.end(body)
  })
}

const lookupOf =
  (address: string): LookupFunction =>
  (_host, { all }, found) => {
    const family = isIPv6(address) ? 6 : 4
    if (all === true) found(null, [{ address, family }])
    else found(null, address, family)
  }

/** Everything but a yes or a "gone" is tried again: the id lets the receiver tell a repetition. Redirects are not followed. */
function deliveryOf(status: number, retryAfter: string | undefined): Delivery {
  if (status >= 200 && status < 300) return { type: 'sent', providerId: '' }
  if (status === 410) return { type: 'refused', reason: 'the receiver wants no more calls (410)' }
  const seconds = Number(retryAfter)
  return {
    type: 'later',
    reason: `it answered ${status}`,
    ...(seconds > 0 && { afterMs: Math.min(seconds, 3_600) * 1_000 }),
  }
}
