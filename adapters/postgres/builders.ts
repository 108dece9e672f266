import type { Pool } from 'pg'
import type { BuilderRecord, BuilderRegistry } from '../../domain/ports/store.ts'

interface BuilderRow {
  id: string
  pid: number
  host: string
  state: BuilderRecord['state']
  seats: number
  seats_used: number
  tasks: string[]
  started_at: Date
  last_heartbeat_at: Date
  restarts: number
  cpu: number
  rss_bytes: string
  idle_since: Date | null
  supervised: boolean
}

/** The builders of the namespace in PostgreSQL. */
export function createBuilderRegistry(pool: Pool): BuilderRegistry {
  return {
    async report(builder) {
      await pool.query(
        `insert into builder (id, pid, host, state, seats, seats_used, tasks, restarts, cpu, rss_bytes, supervised, idle_since)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when $6 = 0 then now() end)
         on conflict (id) do update set state = $4, seats_used = $6, tasks = $7, cpu = $9, rss_bytes = $10,
           last_heartbeat_at = now(), idle_since = case when $6 = 0 then coalesce(builder.idle_since, now()) end`,
        [
          builder.id,
          builder.pid,
          builder.host,
          builder.state,
          builder.seats,
          builder.seatsUsed,
          builder.tasks,
          builder.restarts,
          builder.cpu,
          builder.rssBytes,
          builder.supervised,
        ],
      )
    },
    async beats(id, withinMs) {
      const { rowCount } = await pool.query(
        `select from builder where id = $1 and last_heartbeat_at >= now() - make_interval(secs => $2)`,
        [id, withinMs / 1_000],
      )
      return rowCount === 1
    },
    async remove(id) {
      await pool.query('delete from builder where id = $1', [id])
    },
    async list() {
      const { rows } = await pool.query<BuilderRow>(
        `select *, case when last_heartbeat_at < now() - make_interval(secs => case state when 'starting' then 60 else 10 end) then 'lost'
           else state end as state
         from builder order by started_at, id`,
      )
      return rows.map((row) => ({
        id: row.id,
        pid: row.pid,
        host: row.host,
        state: row.state,
        seats: row.seats,
        seatsUsed: row.seats_used,
        tasks: row.tasks,
        startedAt: row.started_at.toISOString(),
        lastHeartbeatAt: row.last_heartbeat_at.toISOString(),
        restarts: row.restarts,
        cpu: row.cpu,
        rssBytes: Number(row.rss_bytes),
        supervised: row.supervised,
        ...(row.idle_since && { idleSince: row.idle_since.toISOString() }),
      }))
    },
  }
}
