import { groupBy } from '../grouped.ts'
import type { EventView } from '../../cli/client.ts'
import type { EndedTask } from '../observations.ts'
import type { Oracle } from './oracle.ts'

/** The event stream of every task is whole. */
export const soundEvents: Oracle = {
  name: 'sound-events',
  promise:
    'events have no gap, task-ended stands once and last, each tool-called has one tool-finished, each seat is lost once',
  violations: ({ ended }) => ended.flatMap((task) => faultsIn(task).map((fault) => `${task.id}: ${fault}`)),
}

/** What is wrong with the events of one task. */
export function faultsIn({ events }: Pick<EndedTask, 'events'>): readonly string[] {
  const gap = events.findIndex(({ sequence }, index) => sequence !== index + 1)
  const ends = events.filter(({ type }) => type === 'task-ended').length
  const openings = events.filter(({ type }) => type === 'task-received').length
  return [
    ...(gap === -1 ? [] : [`event ${gap + 1} has the sequence ${events[gap]?.sequence}`]),
    ...(ends === 1 && events.at(-1)?.type === 'task-ended' ? [] : [`task-ended stands ${ends} times, or not last`]),
    ...(openings === 1 && events[0]?.type === 'task-received'
      ? []
      : [`task-received stands ${openings} times, or not first`]),
    ...pairFaults(events),
    ...lossFaults(events),
  ]
}

function pairFaults(events: readonly EventView[]): readonly string[] {
  const of = (type: string) =>
    groupBy(
      events.filter((event) => event.type === type),
      ({ turn, position, callId }) => `${String(turn)}/${String(position)} ${String(callId)}`,
    )
  const [called, finished] = [of('tool-called'), of('tool-finished')]
  const ids = new Set([...called.keys(), ...finished.keys()])
  return [...ids].flatMap((id) => {
    const [opened, closed] = [called.get(id) ?? [], finished.get(id) ?? []]
    const inOrder = (opened[0]?.sequence ?? 0) < (closed[0]?.sequence ?? 0)
    if (opened.length === 1 && closed.length === 1 && inOrder) return []
    return [`call ${id} was called ${opened.length} times and finished ${closed.length} times, or in the wrong order`]
  })
}

/** A loss is noted in a step of its own, which a broken connection must not let happen twice. */
function lossFaults(events: readonly EventView[]): readonly string[] {
  const losses = groupBy(
    events.filter(({ type }) => type === 'builder-lost'),
    ({ seat }) => String(seat),
  )
  return [...losses].flatMap(([seat, { length }]) => (length === 1 ? [] : [`seat ${seat} was lost ${length} times`]))
}
