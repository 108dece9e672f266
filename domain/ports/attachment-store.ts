import type { ModelPart } from '../conversation.ts'

/** A file as it is kept: read, allowed, and small enough. */
export interface Attachment {
  readonly name: string
  /** What its bytes are, whatever the sender called them. */
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** Why a file is left out while the words it came with count. */
export type LeftOut = 'unreadable' | 'too-large' | 'too-many' | 'damaged' | 'unobtainable'

/** What became of a message's file. */
export type FileOutcome = { readonly type: 'kept' } | { readonly type: 'left-out'; readonly reason: LeftOut }

/** Files of chats, each under the number of the message it came with. Tasks and their messages name them by it. */
export interface AttachmentStore {
  /** What was decided of a message's file; undefined before. */
  outcome(message: number): Promise<FileOutcome | undefined>
  /** Decides it, once: the first outcome stays and is given. */
  settle(file: {
    readonly message: number
    readonly outcome: Attachment | { readonly reason: LeftOut }
  }): Promise<FileOutcome>
  /** What a task holds already, the files of its sub-tasks included. */
  heldBy(taskId: string): Promise<{ readonly files: number; readonly bytes: number }>
  /** Files as the model is shown them, each under its name. */
  parts(messages: readonly number[]): Promise<readonly ModelPart[]>
  /** The messages that brought the files of a task's request and of text no turn has taken. */
  unread(taskId: string): Promise<readonly number[]>
}
