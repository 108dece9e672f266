import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitHost } from '../../domain/ports/git.ts'
import { commitTree } from './commit-tree.ts'
import { listProtected } from './list-files.ts'
import { forbidden, type TreeChange } from './protected-paths.ts'
import { EMPTY_COMMIT, EMPTY_TREE } from './mirror.ts'
import { git } from './run-git.ts'

/** The commit to deliver: a snapshot's tree on the base, with protected paths put back. */
export const compose: GitHost['compose'] = async (request) => {
  const { bare, base, snapshot, protectedPaths, defaults, helpers = [], text } = request
  if (snapshot === base) return { commit: base, tree: await treeOf(bare, base) }
  const [changes, [unchanged, proposed]] = await Promise.all([
    changesBetween({ bare, base, snapshot }),
    treesOf(bare, [base, snapshot]),
  ])
  const undone = [
    ...forbidden(changes, { strict: protectedPaths, defaults }),
    ...(await forbiddenHelpers(changes, { bare, base, tests: [...protectedPaths, ...defaults], helpers })),
  ]
  const tree = undone.length === 0 ? proposed : await treeWithout({ bare, snapshot, undone })
  if (tree === unchanged) return { commit: base, tree }
  return { commit: await commitTree({ bare, tree, parent: base, text, refs: 'refs/deliveries' }), tree }
}

/** Changes of helpers, when there are tests they could help. */
async function forbiddenHelpers(
  changes: readonly TreeChange[],
  at: {
    readonly bare: string
    readonly base: string
    readonly tests: readonly string[]
    readonly helpers: readonly string[]
  },
): Promise<readonly TreeChange[]> {
  const changed = forbidden(changes, { strict: at.helpers, defaults: [] })
  if (changed.length === 0 || at.tests.length === 0) return []
  const tests = await listProtected({ bare: at.bare, commit: at.base, patterns: at.tests })
  return tests.length > 0 ? changed : []
}

async function treeOf(bare: string, commit: string): Promise<string> {
  if (commit === EMPTY_COMMIT) return EMPTY_TREE
  return (await git({ args: ['rev-parse', `${commit}^{tree}`], directory: bare })).toString().trim()
}

async function treesOf(bare: string, [base, snapshot]: readonly [string, string]): Promise<readonly [string, string]> {
  const output = await git({ args: ['rev-parse', `${base}^{tree}`, `${snapshot}^{tree}`], directory: bare })
  const [first = '', second = ''] = output.toString().split('\n')
  return [first, second]
}

async function changesBetween(trees: {
  readonly bare: string
  readonly base: string
  readonly snapshot: string
}): Promise<readonly TreeChange[]> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', trees.base, trees.snapshot, '--']
  const output = await git({ args, directory: trees.bare })
  // Each change is `:<mode> <new mode> <id> <new id> <status>` and, as a field of its own, the path.
  const fields = output.toString('latin1').split('\0')
  return Array.from({ length: Math.floor(fields.length / 2) }, (_, index) => {
    const [mode = '', , id = ''] = fields[2 * index]?.slice(1).split(' ') ?? []
    return { mode, id, path: fields[2 * index + 1] ?? '' }
  })
}

/** The tree of the snapshot with some of its changes undone. */
async function treeWithout(change: {
  readonly bare: string
  readonly snapshot: string
  readonly undone: readonly TreeChange[]
}): Promise<string> {
  const { bare, snapshot, undone } = change
  const index = join(bare, `index-${randomUUID()}`)
  const inIndex = { directory: bare, environment: { GIT_INDEX_FILE: index } }
  try {
    await git({ ...inIndex, args: ['read-tree', snapshot] })
    await git({
      ...inIndex,
      args: ['update-index', '--add', '--replace', '-z', '--index-info'],
      // The mode 0 of what the base does not have removes the path.
      stdin: Buffer.from(undone.map(({ mode, id, path }) => `${mode} ${id}\t${path}\0`).join(''), 'latin1'),
    })
    return (await git({ ...inIndex, args: ['write-tree'] })).toString().trim()
  } finally {
    await rm(index, { force: true })
  }
}
