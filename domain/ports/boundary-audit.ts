import type { BlockedAttempt } from './sandbox.ts'

/** An attempt with the step that made it. */
export interface BlockedStep extends BlockedAttempt {
  readonly taskId: string
  readonly seat: number
  /** `turn.position` of the tool call; `verification` for the requester's own checks. */
  readonly step: string
}

/** Where attempts to pass the boundary are written down, beside the task's own events. */
export interface BoundaryAudit {
  blocked(step: BlockedStep): void
}
