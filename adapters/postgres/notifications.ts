import { EventEmitter } from 'node:events'
import pg from 'pg'

/** Wakes watchers of a task when any process has committed events for it. */
export interface Notifications {
  subscribe(taskId: string, listener: () => void): Promise<() => void>
  close(): Promise<void>
}

const CHANNEL = 'task_event'

/**
 * One LISTEN connection a process, opened with the first subscription. When it breaks, every watcher is woken (it
 * reads what it missed) and the connection is opened again.
 */
export function createNotifications(connectionString: string): Notifications {
  const emitter = new EventEmitter().setMaxListeners(0)
  let client: Promise<pg.Client> | undefined
  let closed = false

  const open = async (): Promise<pg.Client> => {
    const opened = new pg.Client({ connectionString, application_name: 'openclaw-notifications' })
    opened.on('notification', ({ payload }) => emitter.emit(payload ?? ''))
    opened.on('error', () => void opened.end().catch(() => undefined))
    opened.on('end', () => {
      client = undefined
      for (const name of emitter.eventNames()) emitter.emit(name)
      if (!closed && emitter.eventNames().length > 0) void connect().catch(() => undefined)
    })
    await opened.connect()
    await opened.query(`listen ${CHANNEL}`)
    return opened
  }
  const connect = (): Promise<pg.Client> =>
    (client ??= open().catch((error: unknown) => {
      client = undefined
      throw error
    }))

  return {
    async subscribe(taskId, listener) {
      emitter.on(taskId, listener)
      const unsubscribe = () => void emitter.off(taskId, listener)
      await connect().catch((error: unknown) => {
        unsubscribe()
        throw error
      })
      return unsubscribe
    },
    async close() {
      closed = true
      emitter.removeAllListeners()
      await client?.then((opened) => opened.end()).catch(() => undefined)
    },
  }
}
