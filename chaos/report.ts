import { table } from '../cli/output.ts'
import { FAULTS, LEFT_OUT } from './faults.ts'
import { growthsOf, type Growth } from './memory-growth.ts'
import type { Observations } from './observations.ts'
import { ORACLES } from './oracles/index.ts'
import { quantile, recoveriesOf } from './recovery.ts'
import { isSetAside } from './set-aside.ts'

/** A promise after a run. */
interface Verdict {
  readonly oracle: string
  readonly promise: string
  readonly violations: readonly string[]
}

/** What a run showed. */
export interface Report {
  readonly holds: boolean
  readonly seconds: number
  readonly tasks: {
    readonly sent: number
    readonly completed: number
    readonly cancelled: number
    readonly failed: number
    /** Of those: set aside as poison after three strikes in a row. */
    readonly setAside: number
  }
  readonly faults: readonly {
    readonly fault: string
    readonly number: number
    readonly strikes: number
    readonly hits: number
  }[]
  readonly recoveryMs: {
    readonly count: number
    readonly p50?: number
    readonly p99?: number
    readonly longest?: number
  }
  /** Of processes that were warm for long enough. */
  readonly growths: readonly Growth[]
  readonly oracles: readonly Verdict[]
  readonly leftOut: typeof LEFT_OUT
}

/** Judges what was seen. */
export function reportOf(seen: Observations, seconds: number): Report {
  const oracles = ORACLES.map((oracle) => ({
    ...{ oracle: oracle.name, promise: oracle.promise, violations: oracle.violations(seen) },
  }))
  const inState = (state: string) => seen.ended.filter((task) => task.state === state).length
  const faults = FAULTS.map(({ name, number }) => {
    const strikes = seen.strikes.filter(({ fault }) => fault === name)
    return {
      fault: name,
      number,
      strikes: strikes.length,
      hits: strikes.filter(({ victim }) => victim !== undefined).length,
    }
  })
  return {
    holds: oracles.every(({ violations }) => violations.length === 0),
    seconds,
    tasks: {
      ...{ sent: seen.tasks.length, completed: inState('completed') },
      ...{ cancelled: inState('cancelled'), failed: inState('failed') },
      setAside: seen.ended.filter((task) => isSetAside(task, seen)).length,
    },
    faults: faults.filter(({ strikes }) => strikes > 0),
    recoveryMs: recoverySummary(recoveriesOf(seen).map(({ ms }) => ms)),
    ...{ oracles, growths: growthsOf(seen.memory) },
    leftOut: LEFT_OUT,
  }
}

function recoverySummary(times: readonly number[]): Report['recoveryMs'] {
  const [p50, p99, longest] = [quantile(times, 0.5), quantile(times, 0.99), times.at(-1)]
  if (p50 === undefined || p99 === undefined || longest === undefined) return { count: 0 }
  return { count: times.length, p50, p99, longest }
}

/** So many places where a promise is broken are shown. */
const SHOWN = 10

/** The report for people. */
export function textOf(report: Report): string {
  const { tasks, recoveryMs, seconds } = report
  const recovery =
    recoveryMs.p50 === undefined
      ? 'no builder with work was killed'
      : `p50 ${recoveryMs.p50} ms, p99 ${recoveryMs.p99} ms, longest ${recoveryMs.longest} ms (${recoveryMs.count} tasks)`
  return [
    tableOf(
      ['fault', 'no.', 'strikes', 'hits'],
      report.faults.map(({ fault, number, strikes, hits }) => [fault, number, strikes, hits]),
    ),
    '',
    tableOf(
      ['oracle', '', 'promise'],
      report.oracles.map(({ oracle, promise, violations }) => [
        oracle,
        violations.length === 0 ? 'holds' : 'BROKEN',
        promise,
      ]),
    ),
    ...report.oracles.flatMap(violationLines),
    '',
    `tasks: ${tasks.sent} sent, ${tasks.completed} completed, ${tasks.cancelled} cancelled, ${tasks.failed} failed (${tasks.setAside} set aside as poison), in ${seconds.toFixed(0)} s`,
    `recovery after the kill of a builder: ${recovery}`,
    `memory of warm processes, MB a minute: ${report.growths.map(growthLine).join(', ') || 'none lived long enough'}`,
    '',
    'left out:',
    ...report.leftOut.map(({ number, what, why }) => `  ${number} ${what}: ${why}`),
  ].join('\n')
}

const growthLine = ({ process, bytesAMinute }: Growth): string => `${process} ${(bytesAMinute / 2 ** 20).toFixed(1)}`

function violationLines({ oracle, violations }: Verdict): readonly string[] {
  if (violations.length === 0) return []
  const more = violations.length > SHOWN ? [`  … and ${violations.length - SHOWN} more`] : []
  return ['', `${oracle}:`, ...violations.slice(0, SHOWN).map((line) => `  ${line}`), ...more]
}

function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return table([head, ...rows].map((row) => row.map(String)))
}
