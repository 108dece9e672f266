/** The Builder runs of the tasks, as Temporal has them. */
export interface BuilderRuns {
  /** Ends a run wherever it stands, for a reason an operator reads; nothing when it has ended or never was. */
  end(run: { readonly id: string; readonly reason: string }): Promise<void>
}
