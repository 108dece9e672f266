import type { Button, ChannelName, DeliveryReport, ReachedAddress } from '../chat/message.ts'
import type { StyledText } from '../chat/styled-text.ts'
import type { ChatConversation } from './chat-store.ts'

/** Where a message of the gateway goes: a channel by its name, or `callback`. */
export type OutboxTarget = ChannelName

/** Something to be sent, once. The same id posted again changes nothing, except for edits: there the newest counts. */
export type Post =
  | {
      readonly type: 'message'
      readonly id: string
      readonly conversation: string
      readonly text: StyledText
      readonly buttons: readonly Button[]
      readonly silent?: boolean
      readonly replyTo?: string | undefined
      /** The task it is about: an answer to the message is an answer to that task. */
      readonly taskId?: string | undefined
    }
  | {
      readonly type: 'edit'
      readonly id: string
      readonly conversation: string
      /** Id of the post whose message changes. */
      readonly of: string
      readonly text: StyledText
      readonly buttons: readonly Button[]
    }
  | {
      readonly type: 'invitation'
      readonly id: string
      readonly conversation: string
      /** The task that has news. */
      readonly taskId?: string | undefined
      /** A line about the message that waits. */
      readonly about: string
    }
  | {
      readonly type: 'callback'
      readonly id: string
      readonly taskId: string
      readonly url: string
      /** JSON, as it is sent. */
      readonly body: string
    }

/** A line that makes no message of its own: the next card or end of its task takes it along. */
export interface Aside {
  readonly id: string
  readonly taskId: string
  readonly conversation: string
  readonly text: StyledText
}

/** A post somebody is sending: what is written about it must carry the same attempt. */
export interface ClaimedPost {
  readonly post: Post
  readonly attempt: number
  /** Since when it may be sent: it was posted, or the person it waited for has written. */
  readonly since: string
  /** Where it goes by now; a callback's stands in its post. */
  readonly to?: ReachedAddress | undefined
  /** The provider's id of the message an edit changes. */
  readonly providerId?: string | undefined
}

/** A post whose sender is gone. */
export interface InterruptedPost extends ClaimedPost {
  /** Milliseconds since it was claimed: for so long nobody may have heard what became of it. */
  readonly claimedMs: number
}

/** What became of an attempt. */
export type Outcome =
  | { readonly state: 'sent'; readonly providerId?: string | undefined }
  | { readonly state: 'failed' | 'unknown'; readonly reason: string }
  /** Again after so long; `forever` waits until the person writes. */
  | { readonly state: 'pending'; readonly reason: string; readonly afterMs: number | 'forever' }
  /** Nobody knows yet: what the channel reports decides, and after so long it is sent again. */
  | { readonly state: 'sending'; readonly reason: string; readonly afterMs: number }

/** Where a post is on its way out. */
export type OutboxState = 'pending' | 'sending' | 'sent' | 'unknown' | 'failed'

/** How many posts are in each state, and how many are known to have arrived more than once. */
export type OutboxCounts = Readonly<Partial<Record<OutboxState | 'doubled', number>>>

/** Messages that leave the gateway: `pending → sending → sent | unknown | failed`. */
export interface Outbox {
  post(posts: readonly Post[]): Promise<void>
  /**
   * Takes what is due first: messages of a conversation one after another, an edit once its message was sent. It is
   * `sending` from then on.
   */
  claim(target: OutboxTarget): Promise<ClaimedPost | undefined>
  /** Milliseconds until the next post is due, negative when one waits for another; undefined when none is. */
  dueInMs(target: OutboxTarget): Promise<number | undefined>
  /** False when another attempt has begun since. What is known to be sent is so also after it was given up as unknown. */
  settle(settled: { readonly id: string; readonly attempt: number; readonly outcome: Outcome }): Promise<boolean>
  /** What a channel reports of messages by their reference; gives the references of which another copy had arrived before. */
  report(reports: readonly DeliveryReport[]): Promise<readonly string[]>
  /**
   * Asks a person once to write, while a message waits for it; not when its task has told them so much
   * already that this were one message too many, or may still have to.
   */
  invite(message: { readonly id: string }): Promise<void>
  /** Posts somebody was sending who is gone: for its successor to settle. */
  interrupted(target: OutboxTarget): Promise<readonly InterruptedPost[]>
  /** What a message says by now: as it was posted, or as it was changed last. */
  shown(id: string): Promise<{ readonly text: StyledText; readonly buttons: readonly Button[] } | undefined>
  /** What waits to be taken along by a message about the task, oldest first. */
  asides(taskId: string): Promise<readonly Aside[]>
  /** The task of a message the gateway sent. */
  taskOf(message: { readonly conversation: string; readonly providerId: string }): Promise<string | undefined>
  /** How many posts are in each state; of one task, or all. Changes of a message are not counted for a task. */
  counts(of?: { readonly taskId: string }): Promise<OutboxCounts>
  /** Calls back soon after something was posted, by whichever process. */
  subscribe(listener: () => void): Promise<() => void>
}

/** Who is told about a task: the conversation it came from, or an address. */
export interface Follower {
  readonly taskId: string
  readonly target: OutboxTarget
  /** Of a chat. */
  readonly conversation?: ChatConversation['id'] | undefined
  /** Of a callback. */
  readonly url?: string | undefined
  /** Sequence of the last event it was told about. */
  readonly seen: number
  /** How often it was asked for something by a new message. */
  readonly asked: number
}

export interface FollowerStore {
  /** Followers of these kinds whose tasks have events they were not told about. */
  behind(query: { readonly targets: readonly OutboxTarget[]; readonly limit: number }): Promise<readonly Follower[]>
  /** Posts and moves on in one transaction; nothing when somebody else has, or has asked the person meanwhile. */
  advance(
    step: Pick<Follower, 'taskId' | 'target' | 'asked'> & {
      readonly from: Pick<Follower, 'seen' | 'asked'>
      readonly to: number
      readonly hasEnded: boolean
      readonly posts: readonly Post[]
      /** Ids of those its posts have taken along. */
      readonly asides?: readonly string[]
    },
  ): Promise<void>
  /** Says something by a message that counts as a question, while there were fewer than `most` of them; else as an aside. */
  tell(hint: { readonly aside: Aside; readonly target: ChannelName; readonly most: number }): Promise<void>
  /** Calls back soon after any task has new events. */
  subscribe(listener: () => void): Promise<() => void>
}
