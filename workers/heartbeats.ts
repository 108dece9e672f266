/** The server hears of a living worker at least once a second, so that a frozen one is told from a busy one (seat measurements). */
export const HEARTBEATS = {
  maxHeartbeatThrottleInterval: '1 second',
  defaultHeartbeatThrottleInterval: '1 second',
} as const
