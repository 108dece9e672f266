import type { Oracle } from './oracle.ts'

/** The patch of a task is its delivery. */
export const patchesApply: Oracle = {
  name: 'patches-apply',
  promise: 'the patch of each completed task, applied to the base, gives the tree of its branch',
  violations: ({ ended }) =>
    ended.flatMap(({ id, state, patchedTree, branchTree }) => {
      if (state !== 'completed') return []
      if (patchedTree === undefined) return [`${id}: the patch is missing or does not apply`]
      return patchedTree === branchTree ? [] : [`${id}: the patch gives ${patchedTree}, the branch is ${branchTree}`]
    }),
}
