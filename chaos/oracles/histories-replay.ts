import type { Oracle } from './oracle.ts'

/** Whoever takes a task up again replays what was: a history that is refused lets its task stand for ever. */
export const historiesReplay: Oracle = {
  name: 'histories-replay',
  promise: 'every history can be replayed by the workflows that wrote it',
  violations: ({ unreplayable }) => unreplayable,
}
