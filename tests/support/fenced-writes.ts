import type { ArtifactStore, ConversationStore, Fence, Store } from '../../domain/ports/store.ts'
import { ANSWERED, call } from './stored-task.ts'

export const RECEIPT = { version: 1, evidence: 'eyJhIjoxfQ==', signature: 's+/=', publicKey: 'p', keyId: 'k' } as const
const CHECKPOINT = { commit: 'c', tree: 't', bundle: Buffer.from('b') }
const PLAN = [{ text: 'x', status: 'pending' as const }]

/** The methods of a port that take a fence. */
type Fenced<Port> = {
  [Name in keyof Port]: Port[Name] extends (input: infer Input) => unknown
    ? Input extends Fence
      ? Name
      : never
    : never
}[keyof Port]
type FencedWrite = Fenced<ArtifactStore> | Fenced<ConversationStore>

export const VERIFIED = { type: 'verification-finished', data: { verdict: 'passed' } } as const
export const DELIVERED = { commit: 'c', patch: Buffer.from('p'), receipt: RECEIPT, event: VERIFIED } as const

/** Every one of them: a new fenced method that is not here does not compile. */
export const FENCED_WRITES: Readonly<Record<FencedWrite, (store: Store, fence: Fence) => Promise<unknown>>> = {
  beginTurn: (store, fence) => store.conversations.beginTurn({ ...fence, turn: 2 }),
  finishTurn: (store, fence) =>
    store.conversations.finishTurn({ ...fence, ...ANSWERED, turn: 2, parts: [{ text: 'late' }], calls: [call(0)] }),
  beginTool: (store, fence) => store.conversations.beginTool({ ...fence, turn: 1, position: 0 }),
  finishTool: (store, fence) =>
    store.conversations.finishTool({
      ...{ ...fence, turn: 1, position: 0, response: { output: 'late' }, ok: true, summary: 'late' },
      ...{ checkpoint: CHECKPOINT, plan: PLAN, output: 'late' },
    }),
  fixBase: (store, fence) => store.artifacts.fixBase({ ...fence, baseCommit: 'late' }),
  saveDelivery: (store, fence) =>
    store.artifacts.saveDelivery({ ...fence, ...DELIVERED, commit: 'late', patch: Buffer.from('late') }),
  saveCheckpoint: (store, fence) => store.artifacts.saveCheckpoint({ ...fence, checkpoint: CHECKPOINT }),
  assertSeat: (store, fence) => store.artifacts.assertSeat(fence),
}
