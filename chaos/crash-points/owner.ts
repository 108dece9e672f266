import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { treeOf } from '../../bench/process-tree.ts'

/** The ports of a connection, as its client has them. */
interface Ports {
  readonly local: number
  readonly remote: number
}

/** The process below `root` that is the client of a connection. */
export function ownerOf(client: Ports, root: number): number | undefined {
  const inode = inodeOf(client)
  if (inode === undefined) return undefined
  return treeOf(root).find(({ pid }) => descriptorsOf(pid).includes(`socket:[${inode}]`))?.pid
}

/** As the kernel lists it: fields 1, 2 and 9 are the addresses and the inode. One port serves connections to several. */
function inodeOf({ local, remote }: Ports): string | undefined {
  const [own, other] = [local, remote].map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`)
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)
  const rows = lines.map((line) => line.trim().split(/\s+/))
  return rows.find((fields) => fields[1]?.endsWith(own ?? '') && fields[2]?.endsWith(other ?? ''))?.[9]
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
