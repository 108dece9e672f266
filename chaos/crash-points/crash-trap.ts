import type { Socket } from 'node:net'
import { kill } from '../../adapters/processes/kill.ts'
import type { Tap } from '../fault-proxy.ts'
import { ownerOf } from './owner.ts'
import type { Effect, Moment } from './points.ts'
import { StatementReader } from './statement-reader.ts'

interface Armed {
  readonly effect: Pick<Effect, 'process' | 'since' | 'done' | 'acted'>
  /** All of them stand in what carries the effect. */
  readonly words: readonly string[]
  readonly moment: Moment
  /** Root of the processes that may be struck, and the gateway among them. */
  readonly gateway: number
  readonly struck: (pid: number) => void
  /** The connection whose effect is under way: the last one, as a statement that meets no row is followed by others. */
  connection?: Connection
  /** Whether it has come so far that the effect can be. */
  isDue: boolean
}

interface Connection {
  readonly client: Socket
  readonly pid: number
}

/** Kills a process at the moment at which the network carries one of its effects, or the news that it is done. */
export class CrashTrap {
  private armed: Armed | undefined
  private readonly readers = new WeakMap<Socket, StatementReader>()
  /** What a killed process had sent already does not arrive behind what was held. */
  private readonly silenced = new WeakSet<Socket>()

  /** Resolves with the process that was killed. */
  arm(at: Pick<Armed, 'effect' | 'words' | 'moment' | 'gateway'>): Promise<number> {
    return new Promise((struck) => (this.armed = { ...at, struck, isDue: at.effect.since === undefined }))
  }

  disarm(): void {
    this.armed = undefined
  }

  /** Looks at everything that passes to and from the database, from the first byte of a connection on. */
  readonly database: Tap = (bytes, direction, client) => {
    if (this.silenced.has(client)) return 'hold'
    if (direction === 'back') return this.atNews(bytes, client)
    const reader = this.readers.get(client) ?? new StatementReader()
    this.readers.set(client, reader)
    return this.atEffect(reader.read(bytes), client)
  }

  /** The same for HTTP. */
  readonly http: Tap = (bytes, direction, client) => {
    if (this.silenced.has(client)) return 'hold'
    return direction === 'back' ? this.atNews(bytes, client) : this.atEffect(bytes.toString('latin1'), client)
  }

  /** What it strikes at arrives nowhere. */
  private atEffect(said: string, client: Socket): 'pass' | 'hold' {
    const { armed } = this
    if (armed?.effect.since !== undefined) armed.isDue ||= said.includes(armed.effect.since)
    if (!armed?.isDue) return 'pass'
    const { effect, moment, words, gateway, connection } = armed
    const isActed = connection !== undefined && effect.acted !== undefined && said.includes(effect.acted)
    if (!isActed && !words.every((each) => said.includes(each))) return 'pass'
    const pid = ownerOf({ local: client.remotePort ?? 0, remote: client.localPort ?? 0 }, gateway)
    if (pid === undefined || (pid === gateway) !== (effect.process === 'gateway')) return 'pass'
    if (isActed || moment === 'before') return this.strike(armed, { client, pid })
    armed.connection = { client, pid }
    return 'pass'
  }

  private atNews(bytes: Buffer, client: Socket): 'pass' | 'hold' {
    const { armed } = this
    if (armed?.connection?.client !== client || !armed.effect.done?.test(bytes.toString('latin1'))) return 'pass'
    return this.strike(armed, armed.connection)
  }

  private strike({ struck }: Armed, { client, pid }: Connection): 'hold' {
    this.armed = undefined
    this.silenced.add(client)
    kill(pid, 'SIGKILL')
    struck(pid)
    return 'hold'
  }
}
