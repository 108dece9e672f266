import { EventEmitter } from 'node:events'
import pg from 'pg'

/** Wakes watchers of a task, or of a topic, when any process has committed something for it. */
export interface Notifications {
  subscribe(topic: string, listener: () => void): Promise<() => void>
  close(): Promise<void>
}

const CHANNEL = 'task_event'
/** What the outbox announces itself by. */
export const OUTBOX_TOPIC = 'outbox'
/** Hears of every task. */
export const ANY_TASK_TOPIC = 'any task'
/** A database that restarts is away for seconds: soon enough to be heard again, seldom enough to be no load. */
const RECONNECT_MS = 500

/**
 * One LISTEN connection a process, opened with the first subscription. When it breaks it is opened again as long as
 * somebody watches; then every watcher is woken and reads what it missed.
 */
export function createNotifications(connectionString: string): Notifications {
  const emitter = new EventEmitter().setMaxListeners(0)
  let client: Promise<pg.Client> | undefined
  let retry: NodeJS.Timeout | undefined
  let closed = false

  const open = async (): Promise<pg.Client> => {
    const opened = new pg.Client({ connectionString, application_name: 'openclaw-notifications' })
    // What broke also ends.
    opened.on('error', () => undefined)
    opened.on('notification', ({ payload = '' }) => {
      emitter.emit(payload)
      if (payload !== OUTBOX_TOPIC) emitter.emit(ANY_TASK_TOPIC)
    })
    try {
      await opened.connect()
      await opened.query(`listen ${CHANNEL}`)
    } catch (error) {
      await opened.end().catch(() => undefined)
      throw error
    }
    opened.once('end', () => {
      client = undefined
      listenAgain()
    })
    return opened
  }
  const connect = (): Promise<pg.Client> =>
    (client ??= open().catch((error: unknown) => {
      client = undefined
      throw error
    }))
  const wakeAll = (): void => {
    for (const name of emitter.eventNames()) emitter.emit(name)
  }
  const listenAgain = (): void => {
    if (closed || emitter.eventNames().length === 0) return
    connect().then(wakeAll, () => (retry = setTimeout(listenAgain, RECONNECT_MS)))
  }

  return {
    async subscribe(topic, listener) {
      emitter.on(topic, listener)
      const unsubscribe = () => void emitter.off(topic, listener)
      await connect().catch((error: unknown) => {
        unsubscribe()
        throw error
      })
      return unsubscribe
    },
    async close() {
      closed = true
      clearTimeout(retry)
      emitter.removeAllListeners()
      await client?.then((opened) => opened.end()).catch(() => undefined)
    },
  }
}
