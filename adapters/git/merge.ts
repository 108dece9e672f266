import type { GitHost } from '../../domain/ports/git.ts'
import { commitTree } from './commit-tree.ts'
import { bundleOf } from './import-bundle.ts'
import { OBJECT_ID } from './object-id.ts'
import { git, tryGit } from './run-git.ts'

/** As many renamed files are followed; to compare more with each other takes minutes. */
const RENAME_LIMIT = 1_000
/** A change larger than this is not source code; it would not fit a database row either. */
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024

/** Merges in the object store alone: git 2.38 or newer. The result has `base` as its only parent, like a snapshot. */
export const merge: GitHost['merge'] = async ({ bare, base, ours, theirs, text, signal }) => {
  const settings = ['-c', `merge.renameLimit=${RENAME_LIMIT}`, '-c', 'merge.conflictStyle=merge']
  const { exitCode, stdout, stderr } = await tryGit({
    args: [...settings, 'merge-tree', '--write-tree', '-z', '--name-only', ours, theirs],
    directory: bare,
    signal,
  })
  const [tree = '', ...fields] = stdout.toString('utf8').split('\0')
  // 1 says that something conflicts, and then there is a tree; or that a commit is missing, and then there is none.
  if (exitCode > 1 || !OBJECT_ID.test(tree)) throw new Error(`git merge-tree ended with ${exitCode}: ${stderr}`)
  const conflicts = exitCode === 0 ? [] : conflictsIn(fields)
  const commit = await commitTree({ bare, tree, parent: base, text, refs: 'refs/checkpoints' })
  return { commit, tree, conflicts }
}

/**
 * Git's word on each conflict, as one line: names of files may hold line breaks. Behind the names of all files and an
 * empty field it stands as a number of paths, the paths, what kind of word it is, and the word.
 */
function conflictsIn(fields: readonly string[]): readonly string[] {
  const conflicts: string[] = []
  for (let at = fields.indexOf('') + 1; at < fields.length;) {
    const next = at + Number(fields[at]) + 3
    const [kind = '', word = ''] = fields.slice(next - 2, next)
    if (kind.startsWith('CONFLICT ')) conflicts.push(word.trimEnd().replaceAll('\n', '\\n'))
    at = next
  }
  return conflicts
}

export const bundle: GitHost['bundle'] = async ({ bare, base, commit }) => {
  const pack = await git({
    args: ['pack-objects', '--revs', '--thin', '--stdout', '--quiet'],
    directory: bare,
    stdin: `${commit}\n^${base}\n`,
    maxOutputBytes: MAX_BUNDLE_BYTES,
  })
  return bundleOf({ base, commit, pack })
}
