import type { CommitText } from '../../domain/ports/git.ts'
import { identityAt } from './identity.ts'
import { git } from './run-git.ts'

/** A commit of the gateway's own. A ref keeps it reachable for clones. */
export async function commitTree(request: {
  readonly bare: string
  readonly tree: string
  readonly parent: string
  readonly text: CommitText
  readonly refs: 'refs/deliveries' | 'refs/checkpoints'
}): Promise<string> {
  const { bare, tree, parent, text, refs } = request
  const output = await git({
    args: ['commit-tree', tree, '-p', parent, '-F', '-'],
    directory: bare,
    stdin: text.message,
    environment: identityAt(text.at),
  })
  const commit = output.toString().trim()
  await git({ args: ['update-ref', `${refs}/${commit}`, commit], directory: bare })
  return commit
}
