import { DEFAULT_PRIORITY, RESUMED_PRIORITY, type Priority } from './task.ts'

/** Brings any number to the scale 1 (first) to 5. */
export function toPriority(value: number): Priority {
  if (!Number.isFinite(value)) return DEFAULT_PRIORITY
  return Math.min(5, Math.max(1, Math.round(value))) as Priority
}

/** The priority of a seat request: work already begun goes first, whatever the task's own priority is. */
export function seatPriority(request: { readonly priority: Priority; readonly begun: boolean }): Priority {
  return request.begun ? RESUMED_PRIORITY : request.priority
}
