import type { PatientApi } from './api.ts'

interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor: string | null
}

const HEADERS = { accept: 'application/json' }
const LIMIT = 200

/** Everything a list of the API has. */
export async function allPages<Item>(api: PatientApi, path: string): Promise<readonly Item[]> {
  const items: Item[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = `limit=${LIMIT}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
    const page: Page<Item> = await api.ask((client) => client.json('GET', `${path}?${query}`, { headers: HEADERS }))
    items.push(...page.items)
    cursor = page.nextCursor
  }
  return items
}
