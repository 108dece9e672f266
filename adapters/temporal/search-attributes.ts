import type { Client } from '@temporalio/client'

/** Temporal's numbers for the value types used. */
const TYPES = { text: 1, keyword: 2, int: 3, double: 4, keywordList: 7 } as const

const ATTRIBUTES: Readonly<Record<string, keyof typeof TYPES>> = {
  Title: 'text',
  TaskState: 'keyword',
  TaskKind: 'keyword',
  Channel: 'keyword',
  Tenant: 'keyword',
  Repository: 'keyword',
  Priority: 'int',
  CostUsd: 'double',
  Labels: 'keywordList',
}

/** Registers the search attributes tasks are found by; those that stand are left alone. */
export async function ensureSearchAttributes(client: Client, namespace: string): Promise<void> {
  const { operatorService } = client.connection
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace })
  const missing = Object.entries(ATTRIBUTES).filter(([name]) => !(name in (customAttributes ?? {})))
  if (missing.length === 0) return
  const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, TYPES[type]]))
  await operatorService.addSearchAttributes({ namespace, searchAttributes })
}
