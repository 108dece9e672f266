/** Bounds of the Builder Pool. */
export interface PoolBounds {
  readonly min: number
  readonly max: number
  /** Tasks at once in one builder. */
  readonly seats: number
  /** A builder that had no task for so long is one too many. */
  readonly idleTimeoutMs: number
}

/** A builder as the pool counts it. */
export interface PooledBuilder {
  readonly id: string
  /** Takes no more tasks; it still counts until it is gone. */
  readonly draining: boolean
  readonly seatsUsed: number
  /** How long it has had no task; 0 while it has one or is still starting. */
  readonly idleMs: number
}

export interface ScalingPlan {
  /** Builders to start. */
  readonly start: number
  /** Builders to drain, the longest idle first. */
  readonly drain: readonly string[]
}

/**
 * What a pool should become. It grows by what waits, up to the maximum at once; it shrinks only by builders that were
 * idle for the whole timeout. A builder that is starting counts: what waits for it asks for no second one.
 */
export function planScaling(
  pool: { readonly builders: readonly PooledBuilder[]; readonly waiting: number },
  bounds: PoolBounds,
): ScalingPlan {
  const taking = pool.builders.filter(({ draining }) => !draining)
  const used = taking.reduce((sum, { seatsUsed }) => sum + seatsUsed, 0)
  const wanted = Math.min(bounds.max, Math.max(bounds.min, Math.ceil((used + pool.waiting) / bounds.seats)))
  const room = Math.max(0, bounds.max - pool.builders.length)
  const idle = taking
    .filter(({ seatsUsed, idleMs }) => seatsUsed === 0 && idleMs >= bounds.idleTimeoutMs)
    .toSorted((a, b) => b.idleMs - a.idleMs || (a.id < b.id ? -1 : 1))
  return {
    start: Math.min(room, Math.max(0, wanted - taking.length)),
    drain: idle.slice(0, Math.max(0, taking.length - wanted)).map(({ id }) => id),
  }
}
