import { questionId, reportTo } from '../../domain/chat/report.ts'
import type { ChannelName } from '../../domain/chat/message.ts'
import type { Channel } from '../../domain/ports/channel.ts'
import type { Follower, Post } from '../../domain/ports/outbox.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { ALL_EVENTS } from '../../domain/limits.ts'
import { isFinal, type Task } from '../../domain/task.ts'
import { Wakeable } from '../wakeable.ts'

/** A notification that got lost is made up for after this time. */
const LOOK_EVERY_MS = 2_000
/** Many tasks' events wake it once: a card is changed once a second at most anyway. */
const REST_MS = 200
const PAGE = 50

export interface ReporterOptions {
  readonly store: Store
  readonly channels: ReadonlyMap<ChannelName, Channel>
  readonly linkOf: (taskId: string) => string
  /** A task as the API shows it. */
  readonly viewOf: (task: Task) => TaskView
  readonly clock: () => Date
  readonly onFailure: (error: unknown) => void
}

/** Tells the followers of tasks what happens to them, until the signal. It only posts; the outbox sends. */
export async function reportToFollowers(options: ReporterOptions, signal: AbortSignal): Promise<void> {
  const { store, onFailure } = options
  // A channel that is not configured now may be tomorrow; until then it is told nothing.
  const targets = [...options.channels.keys(), 'callback'] as const
  const loop = new Wakeable()
  const unsubscribe = await store.followers.subscribe(loop.wake)
  const work = async (): Promise<undefined> => {
    const behind = await store.followers.behind({ targets, limit: PAGE })
    for (const follower of behind) await tell(options, follower)
    if (behind.length === PAGE) loop.wake()
  }
  await loop.run({ everyMs: LOOK_EVERY_MS, restMs: REST_MS, work, onFailure }, signal)
  unsubscribe()
}

async function tell(options: ReporterOptions, follower: Follower): Promise<void> {
  const { store } = options
  const { taskId, target, seen } = follower
  const events = await store.tasks.events({ taskId, after: seen, limit: ALL_EVENTS })
  // Read after its events: the task is never older than what is told of it.
  const { task, route } = await store.tasks.work(taskId)
  const to = events.at(-1)?.sequence ?? seen
  const hasEnded = isFinal(task.state) && events.at(-1)?.type === 'task-ended'
  const step = { taskId, target, from: follower, to, hasEnded }
  if (target === 'callback') {
    const posts = hasEnded ? [callbackPost(options, { task, url: follower.url ?? '' })] : []
    return store.followers.advance({ ...step, asked: follower.asked, posts })
  }
  const channel = options.channels.get(target)
  if (!channel || follower.conversation === undefined) return
  const question =
    channel.traits.edits && follower.asked > 0 ? await store.outbox.shown(questionId(follower)) : undefined
  const asides = await store.outbox.asides(taskId)
  const report = reportTo({
    ...{ task, model: route?.model, link: options.linkOf(taskId), now: options.clock(), events },
    follower: { taskId, seen, asked: follower.asked, conversation: follower.conversation },
    traits: channel.traits,
    question,
    asides: asides.map(({ text }) => text),
  })
  const areTold = seen === 0 || hasEnded
  await store.followers.advance({
    ...{ ...step, asked: report.asked, posts: report.posts },
    asides: areTold ? asides.map(({ id }) => id) : [],
  })
}

function callbackPost({ viewOf }: ReporterOptions, { task, url }: { readonly task: Task; readonly url: string }): Post {
  const body = JSON.stringify({ type: 'task.ended', timestamp: task.endedAt, data: viewOf(task) })
  return { type: 'callback', id: `${task.id}-ended`, taskId: task.id, url, body }
}
