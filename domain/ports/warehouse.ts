/** One ended task as the Task History keeps it. */
export interface HistoryRow {
  readonly taskId: string
  readonly tenant: string
  readonly kind: string
  readonly state: string
  readonly verdict: string
  readonly costUsd: number
  readonly createdAt: string
  readonly endedAt: string
}

/** Where Task History goes for analysis. Written once per task id; a repetition changes nothing. */
export interface Warehouse {
  record(row: HistoryRow): Promise<void>
}

/** Keeps nothing beyond PostgreSQL. */
export const noWarehouse: Warehouse = { record: () => Promise.resolve() }
