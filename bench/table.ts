import { achieved, isMet, type Line } from './row.ts'

const HEAD = ['row', 'measured', 'baseline', 'ratio', 'target', '']

/** The lines as one table for people, with what was measured below it. */
export function tableOf(lines: readonly Line[]): string {
  const rows = lines.map((line) => [
    line.what,
    withUnit(line, line.measured),
    line.baseline === undefined ? '' : withUnit(line, line.baseline),
    line.baseline === undefined ? '' : (line.measured / line.baseline).toFixed(2),
    targetText(line),
    line.target ? (isMet(line) ? 'met' : 'MISSED') : '',
  ])
  const widths = HEAD.map((_, column) => Math.max(...[HEAD, ...rows].map((row) => row[column]?.length ?? 0)))
  const print = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  const notes = lines.flatMap(({ what, notes = [] }) => [`${what}:`, ...notes.map((note) => `  ${note}`)])
  return [print(HEAD), ...rows.map(print), '', ...notes, ''].join('\n')
}

/** The lines for programs. */
export const jsonOf = (lines: readonly Line[]): string =>
  JSON.stringify(
    lines.map((line) =>
      line.target ? { ...line, achieved: achieved(line, line.target.of), met: isMet(line) } : { ...line },
    ),
    undefined,
    2,
  )

function withUnit({ unit }: Line, value: number): string {
  if (unit === 's') return `${value.toFixed(2)} s`
  if (unit === 'tokens' || unit === 'tasks') return String(Math.round(value))
  return `${value.toFixed(1)} ${unit}`
}

function targetText(line: Line): string {
  if (!line.target) return ''
  const { of, bound, limit } = line.target
  const sign = bound === 'at least' ? '>=' : '<='
  if (of === 'ratio') return `${sign} ${limit} x`
  return of === 'excess'
    ? `+${withUnit(line, achieved(line, of))} ${sign} ${withUnit(line, limit)}`
    : `${sign} ${withUnit(line, limit)}`
}
