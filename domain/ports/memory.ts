/** A Thought Signature: what the gateway remembers of a request. */
export interface ThoughtSignature {
  readonly id: string
  readonly timestamp: string
  readonly context: string
  readonly embeddings: readonly number[]
  readonly metadata: {
    readonly source: string
    readonly user: string
    readonly tenant: string
    readonly taskId: string
    readonly kind: string
    readonly model: string
    readonly repository?: string
  }
}

/** Long-term memory of one user. Recall never crosses users. */
export interface Memory {
  /** The most similar contexts, best first; empty when nothing is known. */
  recall(query: {
    readonly tenant: string
    readonly user: string
    readonly text: string
    readonly limit: number
  }): Promise<readonly { readonly context: string; readonly score: number }[]>
  /** A repetition, which has the same id, changes nothing. */
  remember(entry: Omit<ThoughtSignature, 'embeddings'>): Promise<void>
}

/** Remembers nothing. */
export const noMemory: Memory = {
  recall: () => Promise.resolve([]),
  remember: () => Promise.resolve(),
}
