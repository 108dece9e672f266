import { leftOutAnswer } from '../../domain/chat/answers.ts'
import type { MessageFile } from '../../domain/chat/message.ts'
import type { Draft } from '../../domain/chat/task-card.ts'
import { GatewayError } from '../../domain/errors.ts'
import { MAX_FILE_BYTES, MAX_FILES, MAX_FILES_BYTES, MAX_TEXT_FILE_BYTES } from '../../domain/limits.ts'
import type { Attachment, LeftOut } from '../../domain/ports/attachment-store.ts'
import type { StoredMessage } from '../../domain/ports/chat-store.ts'
import type { ChatDesk } from './desk.ts'
import { readableType } from './media-type.ts'

/** A service that is away longer does not keep the words waiting: the file is left out. */
const PATIENCE_MS = 60_000
/** Longer names tell the model nothing. */
const MAX_NAME = 120

/** What of a message's file goes along with its words. */
export interface TakenFile {
  readonly attachment?: number
  /** Why it does not. */
  readonly hint?: Draft
}

interface Taking {
  /** The message that is carried out. */
  readonly message: StoredMessage
  /** The message whose words and file count. */
  readonly origin: StoredMessage
  /** The task it is for, when there is one. */
  readonly taskId?: string
}

/**
 * Gets the file of a message and decides what becomes of it, once, however often it is carried out. Throws `unavailable`
 * (retryable) while the service does not give the file, for a minute from the message on.
 */
export async function takeFile(desk: ChatDesk, taking: Taking): Promise<TakenFile> {
  const { attachments } = desk.store
  const { file, number, kind } = taking.origin
  if (!file) return {}
  const outcome =
    (await attachments.outcome(number)) ??
    (await attachments.settle({ message: number, outcome: await decide(desk, taking, file) }))
  if (outcome.type === 'kept') return { attachment: number }
  return { hint: leftOutAnswer({ name: nameOf(file), reason: outcome.reason, words: kind === 'text' }) }
}

async function decide(
  desk: ChatDesk,
  { message, origin, taskId }: Taking,
  file: MessageFile,
): Promise<Attachment | { readonly reason: LeftOut }> {
  const { reference, sha256 } = file
  if (reference === undefined) return { reason: 'unreadable' }
  if ((file.size ?? 0) > MAX_FILE_BYTES) return { reason: 'too-large' }
  const held = taskId === undefined ? { files: 0, bytes: 0 } : await desk.store.attachments.heldBy(taskId)
  if (held.files >= MAX_FILES) return { reason: 'too-many' }
  const download = await desk.channels.get(origin.channel)?.download({ reference, sha256 })
  if (download?.type === 'too-large' || download?.type === 'damaged') return { reason: download.type }
  if (download?.type === 'later' && message.ageMs < PATIENCE_MS)
    throw new GatewayError('unavailable', `A file could not be had (${download.reason}); it is asked for again.`, {
      retryable: true,
    })
  if (download?.type !== 'file') return { reason: 'unobtainable' }
  const { bytes } = download
  const mediaType = readableType(bytes, file.mediaType)
  if (mediaType === undefined) return { reason: 'unreadable' }
  if (mediaType === 'text/plain' && bytes.length > MAX_TEXT_FILE_BYTES) return { reason: 'too-large' }
  if (held.bytes + bytes.length > MAX_FILES_BYTES) return { reason: 'too-many' }
  return { name: nameOf(file), mediaType, bytes }
}

/** A name stands in front of the file for the model, and in answers: on one line. */
const nameOf = ({ name }: MessageFile): string => [...name.replaceAll(/[\p{C}"]+/gu, ' ')].slice(0, MAX_NAME).join('')
