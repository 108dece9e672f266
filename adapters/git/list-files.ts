import type { GitHost } from '../../domain/ports/git.ts'
import { protectedBy } from './protected-paths.ts'
import { git } from './run-git.ts'

/** Paths of a commit, sorted, at most `limit`. */
export const listFiles: GitHost['listFiles'] = async ({ bare, commit, limit }) => {
  const output = await git({ args: ['ls-tree', '-r', '-z', '--full-tree', '--name-only', commit], directory: bare })
  return output.toString('utf8').split('\0').filter(Boolean).slice(0, limit)
}

/** Paths of a commit that patterns protect. */
export const listProtected: GitHost['listProtected'] = async ({ patterns, ...at }) =>
  (await listFiles({ ...at, limit: Number.POSITIVE_INFINITY })).filter(protectedBy(patterns))
