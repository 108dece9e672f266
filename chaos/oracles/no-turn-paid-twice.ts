import { groupBy } from '../grouped.ts'
import type { LedgerEntry } from '../../simulators/gemini/ledger.ts'
import type { Observations } from '../observations.ts'
import type { Oracle } from './oracle.ts'

/** What a builder has sent when it is killed arrives a moment after its end; nobody hears the answer. */
const ARRIVING_MS = 500
/** Between an answer's end and its place in the store, on a machine that is busy with everything else. */
const STORING_MS = 3_000

/** An answer that was stored is never asked for again; one that was under way at a fault may be. */
export const noTurnPaidTwice: Oracle = {
  name: 'no-turn-paid-twice',
  promise: 'no answered model turn is paid twice, beyond those under way at a fault',
  violations(seen) {
    const paid = groupBy(seen.ledger.filter(isPaid), turnOf)
    return [...paid].flatMap(([turn, calls]) =>
      calls
        .slice(0, -1)
        .filter((call) => !wasUnderWayAtFault(call, seen))
        .map(({ at }) => `${turn} was answered at ${at} and paid again, with no fault near`),
    )
  },
}

/** A whole answer went out. */
const isPaid = ({ status, fault, outputTokens }: LedgerEntry): boolean =>
  status === 200 && fault === undefined && outputTokens > 0

const turnOf = ({ taskMatch, path, turn }: LedgerEntry): string =>
  `${taskMatch} ${path.endsWith(':generateContent') ? 'whole' : 'streamed'} turn ${turn}`

function wasUnderWayAtFault(call: LedgerEntry, { strikes, modelLatencyMs }: Observations): boolean {
  const at = Date.parse(call.at)
  const from = at - ARRIVING_MS
  const to = at + modelLatencyMs + STORING_MS
  return strikes.some(({ victim, startedAt, endedAt }) => victim !== undefined && startedAt <= to && endedAt >= from)
}
