import { readdirSync, readFileSync } from 'node:fs'

/** Milliseconds of a tick in /proc: Linux shows 100 a second to programs, whatever its own clock. */
const TICK_MS = 10
const KIB = 1_024

interface ProcessState {
  readonly pid: number
  readonly parent: number
  /** Own time and that of children that ended. */
  readonly cpuMs: number
}

/** A process and everything below it, as they are now. */
export function treeOf(root: number): readonly ProcessState[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => stateOf(Number(name)))
  const below = (parent: number): ProcessState[] =>
    all.filter((state) => state.parent === parent).flatMap((state) => [state, ...below(state.pid)])
  return [...all.filter(({ pid }) => pid === root), ...below(root)]
}

/** CPU time of a tree since its start, ended members included. */
export const cpuMsOf = (root: number): number => treeOf(root).reduce((sum, { cpuMs }) => sum + cpuMs, 0)

/** CPU time of the children of a process that have ended. */
export const endedChildrenCpuMs = (pid: number): number => sumOf(statOf(pid).slice(13, 15)) * TICK_MS

/** Memory of a tree in MB; what members share is counted once (proportional set size). */
export const memoryOf = (root: number): number => treeOf(root).reduce((sum, { pid }) => sum + pssBytes(pid), 0) / 1e6

function stateOf(pid: number): ProcessState[] {
  const fields = statOf(pid)
  if (fields.length === 0) return []
  return [{ pid, parent: Number(fields[1]), cpuMs: sumOf(fields.slice(11, 15)) * TICK_MS }]
}

/** The fields after the name, which stands in brackets and may itself hold spaces and brackets. */
function statOf(pid: number): readonly string[] {
  const text = quietly(`/proc/${pid}/stat`)
  return text === '' ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

const sumOf = (fields: readonly string[]): number => fields.reduce((sum, field) => sum + Number(field), 0)

function pssBytes(pid: number): number {
  const pss = /^Pss:\s+(\d+) kB/m.exec(quietly(`/proc/${pid}/smaps_rollup`))
  return Number(pss?.[1] ?? 0) * KIB
}

/** A process may end between the listing and the reading. */
function quietly(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
