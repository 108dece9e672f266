import { dirname } from 'node:path'

/** Something of the host that becomes visible inside, in bubblewrap's words. */
export type Mount = readonly [kind: '--bind' | '--ro-bind' | '--symlink', source: string, target: string]

/**
 * The arguments that make mounts. `openParents`: bubblewrap keeps the folders it makes on the way to its own user; for
 * commands of another one they are made beforehand.
 */
export function mountArguments(
  mounts: readonly Mount[],
  { openParents }: { readonly openParents: boolean },
): readonly string[] {
  const parents = openParents ? [...new Set(mounts.flatMap(([, , target]) => parentsOf(target)))] : []
  return [...parents.flatMap((parent) => ['--dir', parent]), ...mounts.flat()]
}

/** The folders above a path, the highest first. */
function parentsOf(path: string): readonly string[] {
  const parent = dirname(path)
  return parent === '/' ? [] : [...parentsOf(parent), parent]
}
