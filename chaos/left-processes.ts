import { readdirSync, readFileSync } from 'node:fs'
import { treeOf } from '../bench/process-tree.ts'

/** Command lines of processes that carry the name of a run, apart from some trees that are known. */
export function processesOf(run: string, known: readonly number[]): readonly string[] {
  const spared = new Set(known.flatMap((root) => treeOf(root).map(({ pid }) => pid)))
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && !spared.has(Number(name)))
    .filter((pid) => Number(pid) !== process.pid)
    .filter((pid) => ['cmdline', 'environ'].some((file) => quietly(`/proc/${pid}/${file}`).includes(run)))
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
