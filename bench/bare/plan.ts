/** A step of a bare workflow: what Temporal itself is asked for, with nothing in it. */
export type BareStep =
  /** An activity on the workflow's own queue. */
  | { readonly kind: 'manager' }
  /** An activity on the queue beside the workflows. */
  | { readonly kind: 'gateway' }
  /** A long activity on the builders' shared queue that answers by a signal and is held from then on. */
  | { readonly kind: 'seat' }
  /** An activity on the own queue of the builder that answered. */
  | { readonly kind: 'builder' }
  /** Ends the long activity, through the builder's own queue. */
  | { readonly kind: 'release' }
  /** A child workflow with so many activities on the builder's own queue. */
  | { readonly kind: 'child'; readonly activities: number }
  /** A write of a search attribute. */
  | { readonly kind: 'attribute' }

export interface BarePlan {
  readonly steps: readonly BareStep[]
}

export interface BareBuild {
  readonly queue: string
  readonly activities: number
}

/** A builder's answer to a request for a seat. */
export interface BareSeat {
  readonly queue: string
}

export const BARE_QUEUES = { manager: 'bare-manager', gateway: 'bare-gateway', builders: 'bare-builders' } as const

/** The plan's activities alone. */
export const withoutAttributes = ({ steps }: BarePlan): BarePlan => ({
  steps: steps.filter(({ kind }) => kind !== 'attribute'),
})

/** How many activities it has, its child's among them. */
export const countActivities = ({ steps }: BarePlan): number =>
  steps.reduce((sum, step) => sum + (step.kind === 'child' ? step.activities : step.kind === 'attribute' ? 0 : 1), 0)

/** What the plan asks of Temporal, in words. */
export function describePlan({ steps }: BarePlan): string {
  const count = (kind: BareStep['kind']) => steps.filter((step) => step.kind === kind).length
  const inChild = steps.reduce((sum, step) => sum + (step.kind === 'child' ? step.activities : 0), 0)
  const short = count('manager') + count('gateway') + count('builder') + count('release')
  return [
    `${short} activities`,
    `${count('seat')} long one answered by a signal`,
    `${count('child')} child workflow with ${inChild} activities`,
    ...(count('attribute') > 0 ? [`${count('attribute')} writes of a search attribute`] : []),
  ].join(', ')
}
