/** An effect of the product, and how its commit point is known from outside. */
export interface Effect {
  readonly name: string
  readonly process: 'gateway' | 'builder'
  /** The life it belongs to: of a task that is built whole, one that much happens to, one in parts, or one from a chat. */
  readonly life: 'whole' | 'controlled' | 'parts' | 'chat'
  /** Words only this effect has, all of them, among what its process sends; none for the push to the remote. */
  readonly words?: readonly string[]
  /** Words that come before it: until then a statement that looks for work again and again is none of it. */
  readonly since?: string
  /** What the other side says when it is done: of a transaction; of a request. */
  readonly done?: RegExp
  /** Words by which the process acts on what is done: it may have been notified before it hears the other side. */
  readonly acted?: string
  /** Moments after which nobody can tell whether the end of the task arrived in the chat. */
  readonly doubtful?: readonly Moment[]
}

export const MOMENTS = ['before', 'after'] as const
/** `before`: the effect has not happened. `after`: it has, and nobody in the product knows. */
export type Moment = (typeof MOMENTS)[number]

/** A name and the value of a parameter are sent with their length in front of them. */
const value = (text: string): string => `\0\0\0${String.fromCharCode(text.length)}${text}`
/** The end of a transaction, or of a statement that is one by itself and met a row: then the connection is idle. */
const DONE = /COMMIT\0|(INSERT 0|UPDATE|SELECT) [1-9]\d*\0Z\0{3}.I/

/** Stands for the id of the task itself, where its parts have the same effect. */
export const OWN_ID = 'the id of the task'

const effect = (process: Effect['process'], name: string, ...words: readonly string[]): Effect => ({
  ...{ name, process, words, done: DONE, life: 'whole' },
})
const within = (life: Effect['life']) => (one: Effect) => ({ ...one, life })

/** In the life of a task that is asked about, steered, rejected once, approved and delivered. */
const OF_A_WHOLE: readonly Effect[] = [
  effect('gateway', 'task and inbox row', 'insert into inbox'),
  effect('gateway', 'task marked as started', 'set started_at = now()'),
  effect('gateway', 'understanding begun', value('understanding')),
  effect('gateway', 'understanding paid', 'insert into model_call'),
  effect('gateway', 'understanding stored', 'task-understood'),
  effect('gateway', 'queued', 'task-queued'),
  effect('gateway', 'builder assigned', 'builder-assigned'),
  effect('builder', 'base fixed', 'base_commit = '),
  effect('builder', 'turn begun', 'turn-started'),
  effect('builder', 'turn stored', 'update turn set model'),
  effect('gateway', 'message stored', 'insert into message (task_id, author, text, attachment'),
  effect('builder', 'tool call begun', 'tool-called'),
  effect('builder', 'tool result stored', 'tool-finished'),
  effect('builder', 'checkpoint stored', 'insert into checkpoint'),
  effect('gateway', 'handed to the verifier', value('verifying')),
  effect('builder', 'delivery and receipt stored', 'insert into delivery'),
  effect('gateway', 'log of the verifier told', `values ($1, 'gateway', $2)`),
  effect('gateway', 'approval opened', 'set approval_id = '),
  effect('gateway', 'wait for the approval', 'approval-requested'),
  effect('gateway', 'approval decided', 'set approval_decision = '),
  effect('gateway', 'resumed after the approval', 'state = $2, waiting = $3 where id = $1'),
  effect('gateway', 'delivery begun', value('delivering')),
  { name: 'branch pushed', process: 'builder', life: 'whole' },
  effect('gateway', 'task ended', 'task-ended'),
]

/** What else there is in the life of a task that asks, runs out of budget, is paused, and loses its builder. */
const OF_A_CONTROLLED: readonly Effect[] = [
  effect('gateway', 'wait for an answer', 'input-requested'),
  effect('gateway', 'answer stored', `summary = 'answered'`),
  effect('gateway', 'priority changed', 'priority = $2'),
  effect('gateway', 'wait for the budget', 'budget-requested'),
  effect('gateway', 'spent budget raised', 'budget_usd = $2'),
  effect('gateway', 'paused', value('paused')),
  effect('gateway', 'loss of the builder noted', 'builder-lost'),
  effect('builder', 'workspace restored', 'workspace-restored'),
]

/** What else there is in the life of a task whose parts ask something and conflict, on a repository of a forge. */
const OF_PARTS: readonly Effect[] = [
  effect('gateway', 'parts made', 'set parent_id = $2'),
  effect('builder', 'base of the family fixed', 'base_commit = coalesce'),
  effect('gateway', 'wait of a part shown', 'input-requested', 'subtaskId'),
  effect('gateway', 'budget raised', 'budget_usd = $2'),
  effect('gateway', 'answer to a part stored', `summary = 'answered'`),
  effect('gateway', 'what a part was told kept', value('kept')),
  effect('gateway', 'part ended', 'task-ended'),
  effect('builder', 'merged work stored', 'insert into checkpoint', OWN_ID),
  effect('builder', 'conflicts told', value('merged sub-tasks')),
  {
    name: 'pull request opened',
    process: 'builder',
    life: 'parts',
    words: ['POST ', '/pulls '],
    done: /^HTTP\/1.1 201/,
  },
]

/** A message in the outbox is claimed before it is sent. */
const CLAIMED = `set state = 'sending'`
/** Words of the row of a message: its name within the task. */
const posted = (name: string): string => `/${name}${value('message')}`
const post = (what: string, name: string): Effect => ({
  ...effect('gateway', `${what} posted`, 'insert into outbox', posted(name)),
  acted: CLAIMED,
})

/** What else there is in the life of a task that begins, asks, is answered and ends in Telegram. */
const OF_A_CHAT: readonly Effect[] = [
  effect('gateway', 'message from a chat stored', 'insert into chat_message'),
  effect('gateway', 'task of a chat and follower', 'insert into follower', value('telegram')),
  effect('gateway', 'message from a chat handled', 'update chat_message set handled_at'),
  post('card', 'card'),
  post('question', 'ask-1'),
  effect('gateway', 'answer from a chat stored', `summary = 'answered'`),
  post('end', 'end'),
  {
    ...effect('gateway', 'end claimed', CLAIMED, value('telegram')),
    since: posted('end'),
    // The row that is claimed comes back.
    done: /\/end\0{3}[^]*UPDATE 1\0Z\0{3}.I/,
    doubtful: ['after'],
  },
  {
    ...effect('gateway', 'end sent', 'POST ', '/sendMessage ', 'Delivered to the chat.'),
    done: /^HTTP\/1.1 200/,
    doubtful: ['before', 'after'],
  },
  { ...effect('gateway', 'end settled', `state = 'unknown' and $3 = 'sent'`, '/end'), doubtful: ['before'] },
]

/** Every effect of the product on the way from a request to a delivery. */
export const EFFECTS: readonly Effect[] = [
  ...OF_A_WHOLE,
  ...OF_A_CONTROLLED.map(within('controlled')),
  ...OF_PARTS.map(within('parts')),
  ...OF_A_CHAT.map(within('chat')),
]
