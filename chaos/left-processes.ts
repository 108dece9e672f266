import { readdirSync, readFileSync } from 'node:fs'
import { treeOf } from '../bench/process-tree.ts'

/** Command lines of processes that stand in a group or carry the name of a run, apart from some trees that are known. */
export function processesOf(
  run: string,
  { grouped, known }: { readonly grouped: readonly number[]; readonly known: readonly number[] },
): readonly string[] {
  const spared = new Set(known.flatMap((root) => treeOf(root).map(({ pid }) => pid)))
  const carriesName = (pid: number) =>
    ['cmdline', 'environ'].some((file) => quietly(`/proc/${pid}/${file}`).includes(run))
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !spared.has(pid) && pid !== process.pid)
    .filter((pid) => grouped.includes(pid) || carriesName(pid))
    .map((pid) => `${pid} ${quietly(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()}`)
}

/** Empty for what has ended, and for processes of somebody else. */
function quietly(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
