import type { Socket } from 'node:net'
import type { Tap } from '../fault-proxy.ts'
import { ownerOf } from './owner.ts'
import type { Effect, Moment } from './points.ts'

interface Armed {
  readonly effect: Effect
  readonly moment: Moment
  /** Root of the processes that may be struck, and the gateway among them. */
  readonly gateway: number
  readonly struck: (pid: number) => void
  /** The connection whose effect is under way. */
  connection?: { readonly client: Socket; readonly pid: number }
}

/** Kills a process at the moment at which the network carries one of its effects, or the news that it is done. */
export class CrashTrap {
  private armed: Armed | undefined

  /** Resolves with the process that was killed. */
  arm(at: Pick<Armed, 'effect' | 'moment' | 'gateway'>): Promise<number> {
    return new Promise((struck) => (this.armed = { ...at, struck }))
  }

  disarm(): void {
    this.armed = undefined
  }

  /** Looks at everything that passes; what it strikes at arrives nowhere. */
  readonly tap: Tap = (bytes, direction, client) => {
    const { armed } = this
    if (!armed) return 'pass'
    if (direction === 'there') return this.atStatement(armed, bytes, client)
    const { connection, effect } = armed
    if (connection?.client !== client || !effect.done?.test(bytes.toString('latin1'))) return 'pass'
    return this.strike(armed, connection.pid)
  }

  private atStatement(armed: Armed, bytes: Buffer, client: Socket): 'pass' | 'hold' {
    const { effect, moment, gateway, connection } = armed
    if (connection || effect.words === undefined || !bytes.includes(effect.words)) return 'pass'
    const pid = ownerOf(client.remotePort ?? 0, gateway)
    if (pid === undefined || (pid === gateway) !== (effect.process === 'gateway')) return 'pass'
    if (moment === 'before') return this.strike(armed, pid)
    armed.connection = { client, pid }
    return 'pass'
  }

  private strike({ struck }: Armed, pid: number): 'hold' {
    this.armed = undefined
    process.kill(pid, 'SIGKILL')
    struck(pid)
    return 'hold'
  }
}
