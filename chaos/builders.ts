import type { Stage } from './stage.ts'

/** A builder as the gateway lists it. */
export interface BuilderView {
  readonly id: string
  readonly pid: number
  readonly state: string
  readonly tasks: readonly string[]
}

/** The builders that run; none while nobody can say. */
export async function buildersOf({ api }: Stage): Promise<readonly BuilderView[]> {
  const { items } = await api
    .tryOnce((client) => client.json<{ readonly items: readonly BuilderView[] }>('GET', '/v1/builders'))
    .catch(() => ({ items: [] }))
  return items.filter(({ state }) => state === 'idle' || state === 'busy')
}
