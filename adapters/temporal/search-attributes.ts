import type { Client } from '@temporalio/client'

/** Temporal's numbers for the value types used. */
const TYPES = { text: 1, keyword: 2, int: 3, double: 4, keywordList: 7 } as const

/** Name and type of every search attribute, as Temporal registers them. */
export const searchAttributeTypes: Readonly<Record<string, number>> = {
  Title: TYPES.text,
  TaskState: TYPES.keyword,
  TaskKind: TYPES.keyword,
  Channel: TYPES.keyword,
  Tenant: TYPES.keyword,
  Repository: TYPES.keyword,
  Priority: TYPES.int,
  CostUsd: TYPES.double,
  Labels: TYPES.keywordList,
}

/** Registers the search attributes tasks are found by; those that stand are left alone. */
export async function ensureSearchAttributes(client: Client, namespace: string): Promise<void> {
  const { operatorService } = client.connection
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace })
  const missing = Object.entries(searchAttributeTypes).filter(([name]) => !(name in (customAttributes ?? {})))
  if (missing.length === 0) return
  const searchAttributes = Object.fromEntries(missing)
  await operatorService.addSearchAttributes({ namespace, searchAttributes })
}
