import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { GatewayClient } from '../cli/client.ts'
import { GatewayError } from '../domain/errors.ts'
import type { GatewayProcess } from './gateway-process.ts'

const BETWEEN_TRIES_MS = 250
/** A request into a frozen gateway or a partition must not take the run's time. */
const ANSWER_LIMIT_MS = 10_000

/** The gateway's API as a patient client sees it: whatever fails for the moment is asked again. */
export class PatientApi {
  private readonly stopping = new AbortController()

  constructor(
    private readonly gateway: GatewayProcess,
    private key: string,
  ) {
    // Every request that waits listens.
    setMaxListeners(0, this.stopping.signal)
  }

  /** From now on requests carry this key. */
  useKey(key: string): void {
    this.key = key
  }

  /** Asks until there is an answer that is final, a refusal included. */
  async ask<T>(request: (client: GatewayClient) => Promise<T>): Promise<T> {
    for (;;) {
      const { key } = this
      try {
        return await this.tryOnce(request)
      } catch (error) {
        // A key may be revoked under a request that is on its way.
        if (!isPassing(error) && key === this.key) throw error
        await delay(BETWEEN_TRIES_MS, undefined, { signal: this.stopping.signal })
      }
    }
  }

  /** Asks once. */
  async tryOnce<T>(request: (client: GatewayClient) => Promise<T>): Promise<T> {
    const { url } = this.gateway
    if (url === undefined) throw new GatewayError('gateway_unreachable', 'no gateway runs', { retryable: true })
    const late = delay(ANSWER_LIMIT_MS, undefined, { ref: false }).then(() => {
      throw new GatewayError('gateway_unreachable', 'no answer in time', { retryable: true })
    })
    return Promise.race([request(new GatewayClient(url, this.key)), late])
  }

  /** Ends all waiting. */
  giveUp(): void {
    this.stopping.abort()
  }
}

/** Whether asking again may help. */
const isPassing = (error: unknown): boolean => !(error instanceof GatewayError) || error.retryable
