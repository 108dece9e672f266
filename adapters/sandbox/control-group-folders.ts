import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Folders in which this process may try to make control groups, by what they bound. */
export interface GroupFolders {
  readonly version: 1 | 2
  readonly memory: string
  readonly pids: string
  /** The same as the others in version 2; absent where the kernel has none. */
  readonly cpu?: string
}

interface Mount {
  readonly root: string
  readonly point: string
  readonly type: string
  readonly options: readonly string[]
}

/**
 * Where groups could be made, best first: version 2 beside the own group (a service manager has already turned the
 * controllers on there) or below it, else version 1 below the own groups. Whether it may is for a trial to say.
 */
export function groupFolders(read: (path: string) => string = (path) => readFileSync(path, 'utf8')): GroupFolders[] {
  const mounts = linesOf(read, '/proc/self/mountinfo').flatMap(mountOf)
  const own = new Map(linesOf(read, '/proc/self/cgroup').flatMap(groupsOf))
  const unified = mounts.find(({ type }) => type === 'cgroup2')
  const found: GroupFolders[] = []
  const group = own.get('')
  if (unified && group !== undefined)
    for (const folder of new Set([dirname(placeIn(unified, group)), placeIn(unified, group)])) {
      const controllers = linesOf(read, join(folder, 'cgroup.subtree_control')).flatMap((line) => line.split(' '))
      if (!controllers.includes('memory') || !controllers.includes('pids')) continue
      found.push({ version: 2, memory: folder, pids: folder, ...(controllers.includes('cpu') && { cpu: folder }) })
    }
  const [memory, pids, cpu] = ['memory', 'pids', 'cpu'].map((controller) => {
    const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller))
    const group = own.get(controller)
    return mount && group !== undefined ? placeIn(mount, group) : undefined
  })
  if (memory !== undefined && pids !== undefined)
    found.push({ version: 1, memory, pids, ...(cpu !== undefined && { cpu }) })
  return found
}

function linesOf(read: (path: string) => string, path: string): readonly string[] {
  try {
    return read(path).split('\n').filter(Boolean)
  } catch {
    return []
  }
}

/** `36 25 0:31 /root /mount/point rw - cgroup cgroup rw,memory`. */
function mountOf(line: string): Mount[] {
  const [place = '', source = ''] = line.split(' - ')
  const [, , , root = '', point = ''] = place.split(' ')
  const [type = '', , options = ''] = source.split(' ')
  return type.startsWith('cgroup') ? [{ root, point, type, options: options.split(',') }] : []
}

/** `4:memory:/path`; of version 2 `0::/path`. */
function groupsOf(line: string): (readonly [string, string])[] {
  const [, controllers = '', ...path] = line.split(':')
  return controllers.split(',').map((controller) => [controller, path.join(':')] as const)
}

/** A container sees its group below a root that is not the hierarchy's own. */
function placeIn({ root, point }: Mount, group: string): string {
  const inner = relative(root, group)
  return inner.startsWith('..') ? point : join(point, inner)
}
