import type { Pool } from 'pg'
import type { DeliveryReport } from '../../domain/chat/message.ts'
import { UNREACHED_LIMIT_MS } from '../../domain/limits.ts'

/** Whether more than one copy of a message is known to have arrived. */
export const IS_DOUBLED = `jsonb_array_length(jsonb_path_query_array(copies, '$.* ? (@ == "arrived")')) > 1`

/**
 * What a channel reports of its messages beats what the sender believes. Reports come several times and out of order: each
 * copy counts once, and one that failed has not arrived, whatever is said of it later. Gives whether this one is a second
 * copy that arrived.
 */
export async function noteReport(pool: Pool, report: DeliveryReport): Promise<boolean> {
  const { reference, outcome, providerId, reason = outcome, afterMs = 0 } = report
  if (outcome !== 'arrived') {
    await pool.query(FAILED, [reference, providerId, outcome, reason, afterMs, UNREACHED_LIMIT_MS])
    return false
  }
  const { rows } = await pool.query<{ is_doubled: boolean }>(ARRIVED, [reference, providerId])
  return rows[0]?.is_doubled ?? false
}

/** Sent with a reference that the channel echoes. */
const REPORTED = `type in ('message', 'invitation')`

const ARRIVED = `
  update outbox set copies = copies || jsonb_build_object($2::text, 'arrived'),
    state = 'sent', provider_id = case when state = 'sent' then coalesce(provider_id, $2) else $2 end,
    sent_at = coalesce(sent_at, now()), reason = null, due_at = 'infinity'
  where id = $1 and ${REPORTED} and not copies ? $2
  returning ${IS_DOUBLED} as is_doubled`

/** A copy nobody waits for changes nothing, nor does one beside another that arrived. */
const DECIDES = `(provider_id = $2 or state = 'sending')
  and not jsonb_path_exists(copies - $2::text, '$.* ? (@ == "arrived")')`

/** Sent again it has twice the pause of the last time; what waits for its person has no time. */
const FAILED = `
  update outbox set copies = copies || jsonb_build_object($2::text, 'failed'),
    state = case when not (${DECIDES}) then state
      when $3 = 'failed' or ($3 = 'later' and coalesce(released_at, created_at) < now() - make_interval(secs => $6 / 1000.0)) then 'failed'
      else 'pending' end,
    reason = case when ${DECIDES} then $4 else reason end,
    due_at = case when not (${DECIDES}) then due_at when $3 = 'out-of-window' then 'infinity'
      else now() + make_interval(secs => $5 / 1000.0 * power(2, least(attempt - 1, 10))) end
  where id = $1 and ${REPORTED} and copies ->> $2 is distinct from 'failed'`
