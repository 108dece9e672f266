import { GatewayError } from '../../domain/errors.ts'
import { GatewayClient } from '../../cli/client.ts'
import type { Stage } from '../stage.ts'
import type { Hit } from './victim.ts'

interface MadeKey {
  readonly id: string
  readonly key: string
}

/** Gives the run a new API key from time to time, and revokes the one before. */
export class KeyRotation {
  private current: MadeKey | undefined
  private readonly revoked: MadeKey[] = []

  constructor(private readonly stage: Stage) {}

  async rotate(): Promise<Hit> {
    const { api } = this.stage
    const body = { name: 'chaos', roles: ['admin'] }
    const made = await api.ask((client) => client.json<MadeKey>('POST', '/v1/keys', { body }))
    const before = this.current
    this.current = made
    api.useKey(made.key)
    if (before) {
      await api.ask((client) => client.json('DELETE', `/v1/keys/${before.id}`)).catch(alreadyRevoked)
      this.revoked.push(before)
    }
    return { victim: before?.id ?? 'the first key' }
  }

  /** Every key it had, the one in use among them. */
  get keys(): readonly string[] {
    return [...this.revoked, ...(this.current ? [this.current] : [])].map(({ key }) => key)
  }

  /** What each revoked key is answered with now. */
  async statuses(): Promise<readonly number[]> {
    const { url = '' } = this.stage.gateway
    return Promise.all(this.revoked.map(({ key }) => statusOf(new GatewayClient(url, key))))
  }
}

/** The answer to the first request was lost. */
function alreadyRevoked(error: unknown): void {
  if (!(error instanceof GatewayError) || error.code !== 'not_found') throw error
}

async function statusOf(client: GatewayClient): Promise<number> {
  try {
    await client.json('GET', '/v1/me')
    return 200
  } catch (error) {
    return error instanceof GatewayError && error.code === 'unauthenticated' ? 401 : 500
  }
}
