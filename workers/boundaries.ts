import type { Boundary } from '../activities/builder/workspaces.ts'
import type { Config } from '../adapters/config.ts'
import { createSnapshots } from '../adapters/git/snapshots.ts'
import { createSandbox } from '../adapters/sandbox/create-sandbox.ts'

/**
 * Chooses the boundary of a task. `sample` is the one repository that may run without a sandbox on a host that has
 * none: its author is the gateway itself.
 */
export async function createBoundaries(options: {
  readonly mode: Config['SANDBOX']
  /** Folder of the gateway's own copy of bubblewrap. */
  readonly programs: string
  readonly sample?: string | undefined
}): Promise<(repositoryUrl: string | undefined) => Boundary> {
  const boundary = async (mode: Config['SANDBOX']): Promise<Boundary> => {
    const sandbox = await createSandbox({ mode, programs: options.programs })
    return { sandbox, snapshots: createSnapshots({ sandbox }) }
  }
  const usual = await boundary(options.mode)
  if (usual.sandbox.kind !== 'unavailable' || options.sample === undefined) return () => usual
  const unsandboxed = await boundary('none')
  return (repositoryUrl) => (repositoryUrl === options.sample ? unsandboxed : usual)
}
