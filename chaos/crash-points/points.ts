/** An effect of the product, and how its commit point is known from outside. */
export interface Effect {
  readonly name: string
  readonly process: 'gateway' | 'builder'
  /** Words only the statement of this effect has among those its process sends; none for the push to the remote. */
  readonly words?: string
  /** What the database says when it is done: of a statement by itself, or of its transaction. */
  readonly done?: RegExp
}

export const MOMENTS = ['before', 'after'] as const
/** `before`: the effect has not happened. `after`: it has, and nobody in the product knows. */
export type Moment = (typeof MOMENTS)[number]

/** A name and the value of a parameter are sent with their length in front of them. */
const value = (text: string): string => `\0\0\0${String.fromCharCode(text.length)}${text}`
const COMMITTED = /COMMIT\0/
const ALONE = /(INSERT 0|UPDATE|SELECT) \d+\0/

/** Statements in a transaction, which says when it is committed. */
const effect = (process: Effect['process'], name: string, words: string): Effect => ({
  ...{ name, process, words, done: COMMITTED },
})
/** A statement that is a transaction by itself. */
const alone = (name: string, words: string): Effect => ({ name, process: 'gateway', words, done: ALONE })

/** Every effect in the life of a task that is asked about, steered, rejected once, approved and delivered. */
export const EFFECTS: readonly Effect[] = [
  effect('gateway', 'task and inbox row', 'insert into inbox'),
  alone('task marked as started', 'set started_at = now()'),
  effect('gateway', 'understanding begun', value('understanding')),
  alone('understanding paid', 'insert into model_call'),
  effect('gateway', 'understanding stored', 'task-understood'),
  effect('gateway', 'queued', 'task-queued'),
  effect('gateway', 'builder assigned', 'builder-assigned'),
  effect('builder', 'base fixed', 'base_commit = '),
  effect('builder', 'turn begun', 'turn-started'),
  effect('builder', 'turn stored', 'update turn set model'),
  effect('gateway', 'message stored', 'insert into message (task_id, author, text) values ($1, $2, $3)'),
  effect('builder', 'tool call begun', 'tool-called'),
  effect('builder', 'tool result stored', 'tool-finished'),
  effect('builder', 'checkpoint stored', 'insert into checkpoint'),
  effect('gateway', 'handed to the verifier', value('verifying')),
  effect('builder', 'delivery stored', 'insert into delivery'),
  effect('builder', 'receipt stored', 'insert into receipt'),
  effect('builder', 'verification noted', 'verification-finished'),
  effect('gateway', 'log of the verifier told', `values ($1, 'gateway', $2)`),
  effect('gateway', 'approval opened', 'set approval_id = '),
  effect('gateway', 'wait for the approval', 'approval-requested'),
  effect('gateway', 'approval decided', 'set approval_decision = '),
  effect('gateway', 'resumed after the approval', 'waiting = $3 where id = $1 returning *\0'),
  effect('gateway', 'delivery begun', value('delivering')),
  { name: 'branch pushed', process: 'builder' },
  effect('gateway', 'task ended', 'task-ended'),
]
