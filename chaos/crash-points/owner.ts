import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { treeOf } from '../../bench/process-tree.ts'

/** The process below `root` that holds this end of a connection. */
export function ownerOf(port: number, root: number): number | undefined {
  const inode = inodeOf(port)
  if (inode === undefined) return undefined
  return treeOf(root).find(({ pid }) => descriptorsOf(pid).includes(`socket:[${inode}]`))?.pid
}

/** The socket bound to a local port, as the kernel lists it: fields 1 and 9 are address and inode. */
function inodeOf(port: number): string | undefined {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
  return lines.map((line) => line.trim().split(/\s+/)).find((fields) => fields[1]?.endsWith(ending))?.[9]
}

/** A process may end, or close one of them, while it is read. */
function descriptorsOf(pid: number): readonly string[] {
  const read = <T>(look: () => T, none: T): T => {
    try {
      return look()
    } catch {
      return none
    }
  }
  const folder = `/proc/${pid}/fd`
  return read(() => readdirSync(folder), []).map((name) => read(() => readlinkSync(`${folder}/${name}`), ''))
}
