import { availableParallelism, totalmem } from 'node:os'

const MIB = 1024 * 1024
const GIB = 1024 * MIB

/** Bounds on what one seat's command may take. */
export const LIMITS = {
  /** The build of a large project; never more than half of the machine, so that the gateway and another seat live on. */
  memoryBytes: Math.min(4 * GIB, Math.floor(totalmem() / 2)),
  /** Half of the machine as well, so that no seat keeps the others waiting; two at least, of which small machines have no more. */
  processors: Math.max(2, Math.floor(availableParallelism() / 2)),
  /** Test runners and compilers start hundreds; a fork bomb ends here before anybody else feels it. */
  processes: 1_024,
  /** Where only the processes of a whole user can be counted, the gateway's own and its user's desktop are among them. */
  processesOfUser: 8_192,
  /** No source or build product is larger; a log that runs away ends here. */
  fileBytes: 2 * GIB,
  /** What Linux gives a process at most by default is far more than a build opens, and each costs kernel memory. */
  openFiles: 8_192,
  /** A large repository with its dependencies and build products. */
  workspaceBytes: 8 * GIB,
  /** Five times a large `node_modules`; file systems run out of files before they run out of bytes. */
  workspaceFiles: 1_000_000,
} as const

/** Folders in memory, by the bytes they may hold; without a bound each could take half of the machine. */
export const MEMORY_FOLDERS = [
  { folder: '/tmp', bytes: 2 * GIB },
  { folder: '/home/agent', bytes: 2 * GIB },
  { folder: '/dev/shm', bytes: 256 * MIB },
] as const

/** A number of bytes for people. */
export const inGib = (bytes: number): string => `${(bytes / GIB).toFixed(1).replace(/\.0$/, '')} GiB`
