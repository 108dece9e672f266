import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { GatewayError } from '../../domain/errors.ts'

const SERVER = fileURLToPath(new URL('./fork-server.cjs', import.meta.url))
const HEAD_BYTES = 9
/** Sooner than the five seconds without a heartbeat after which a builder's seats move to another one. */
const SILENCE_MS = 3_000
const BEAT_MS = 500
/** Who was silent for so long cannot know whether its commands were ended: a little sooner than they are. */
const STOOD_STILL_MS = SILENCE_MS - 500

export interface ProcessOrder {
  readonly file: string
  readonly args: readonly string[]
  readonly directory: string
  /** All of it: nothing of this process's own environment is added. */
  readonly environment: Readonly<Record<string, string>>
  readonly stdin?: Uint8Array | string | undefined
  /** What the process may read from descriptor 3. */
  readonly extraInput?: Uint8Array | undefined
  /**
   * A process group of its own, led by the process. It is ended when this process stands still, for its outcome would
   * come too late.
   */
  readonly ownGroup?: boolean
  /** Of the process and all it starts, against this process; 0 is as much. */
  readonly niceness?: number
  readonly onStdout: (bytes: Buffer) => void
  readonly onStderr: (bytes: Buffer) => void
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface OrderedProcess {
  /** Rejects when the process cannot start: `code` and `syscall` as Node gives them. */
  readonly pid: Promise<number>
  readonly exit: Promise<Exit>
  /** Resolves when the process, and whatever held its output, is gone. */
  readonly close: Promise<void>
  /** Aborts with `seat_lost` when this process stood still and the group was ended meanwhile. */
  readonly stoodStill: AbortSignal
  /** Stops listening to its output, so that nobody who holds it keeps `close` waiting. */
  abandon(): void
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (reason: Error) => void
}

interface Running {
  readonly order: ProcessOrder
  readonly standing: AbortController
  readonly pid: Deferred<number>
  readonly exit: Deferred<Exit>
  readonly close: Deferred<void>
}

/**
 * Starts processes from a small process beside this one. To fork is to copy the page tables of who forks: in a builder of
 * 150 MB that costs as much as the command itself, and a task needs a hundred of them. The same small process is the
 * builder's dead man's switch: it hears from it twice a second and ends the groups of one that died, was stopped or hangs.
 */
class ForkServer {
  private readonly running = new Map<number, Running>()
  private channel: Socket | undefined
  private beating: NodeJS.Timeout | undefined
  private received: Buffer = Buffer.alloc(0)
  private lastBeat = 0
  private count = 0

  start(order: ProcessOrder): OrderedProcess {
    this.beat()
    const channel = (this.channel ??= this.open())
    const process: Running = {
      ...{ order, standing: new AbortController() },
      ...{ pid: deferred(), exit: deferred(), close: deferred() },
    }
    const id = ++this.count
    this.running.set(id, process)
    channel.ref()
    send(channel, { kind: 'r', id, payload: requestOf(order) })
    return {
      ...{ pid: process.pid.promise, exit: process.exit.promise, close: process.close.promise },
      stoodStill: process.standing.signal,
      abandon: () => send(channel, { kind: 'a', id }),
    }
  }

  private open(): Socket {
    // Out of this process's group, so that what stops the group does not stop it.
    const server = spawn(process.execPath, [SERVER, String(SILENCE_MS)], {
      ...{ detached: true, env: {}, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
    })
    const channel = server.stdio[3] as Socket
    server.on('error', (error) => this.lost(channel, error))
    server.unref()
    channel.unref()
    channel.on('data', (bytes: Buffer) => this.take(bytes))
    channel.on('error', () => undefined)
    channel.on('close', () => this.lost(channel, new Error('The process that starts commands has ended.')))
    this.received = Buffer.alloc(0)
    this.lastBeat = performance.now()
    this.beating ??= setInterval(() => this.beat(), BEAT_MS).unref()
    return channel
  }

  private lost(channel: Socket, reason: Error): void {
    if (this.channel !== channel) return
    this.channel = undefined
    for (const [id, { pid, exit, close }] of this.running) {
      for (const outcome of [pid, exit, close]) outcome.reject(reason)
      this.running.delete(id)
    }
  }

  private beat(): void {
    if (!this.channel) return
    const silence = performance.now() - this.lastBeat
    this.lastBeat = performance.now()
    send(this.channel, { kind: 'b', id: 0 })
    if (silence < STOOD_STILL_MS) return
    const message = `This builder stood still for ${(silence / 1_000).toFixed(1)} s; its commands were ended.`
    for (const { order, standing } of this.running.values())
      if (order.ownGroup === true) standing.abort(new GatewayError('seat_lost', message))
  }

  private take(bytes: Buffer): void {
    // What waited while this process stood still is news of before.
    if (performance.now() - this.lastBeat > BEAT_MS) this.beat()
    this.received = this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes])
    while (this.received.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + this.received.readUInt32BE(0)
      if (this.received.length < end) return
      const kind = String.fromCharCode(this.received[4] ?? 0)
      this.heard(kind, this.received.readUInt32BE(5), this.received.subarray(HEAD_BYTES, end))
      this.received = this.received.subarray(end)
    }
  }

  private heard(kind: string, id: number, payload: Buffer): void {
    const process = this.running.get(id)
    if (!process) return
    const words = () => JSON.parse(payload.toString('utf8')) as unknown
    switch (kind) {
      case 'o':
        return process.order.onStdout(payload)
      case 'e':
        return process.order.onStderr(payload)
      case 'p':
        return process.pid.resolve(words() as number)
      case 'x':
        return process.exit.resolve(words() as Exit)
      case 'c':
        this.ended(id)
        return process.close.resolve()
      case '!':
        this.ended(id)
        for (const outcome of [process.pid, process.exit, process.close])
          outcome.reject(Object.assign(new Error(), words() as NodeJS.ErrnoException))
    }
  }

  private ended(id: number): void {
    this.running.delete(id)
    if (this.running.size === 0) this.channel?.unref()
  }
}

interface Frame {
  /** `r`un, `a`bandon or `b`eat; the answers are `p`id, `o`utput, `e`rrors, e`x`it, `c`losed and `!` refused. */
  readonly kind: string
  readonly id: number
  readonly payload?: Buffer
}

function send(channel: Socket, { kind, id, payload = Buffer.alloc(0) }: Frame): void {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(payload.length, 0)
  head.write(kind, 4, 'latin1')
  head.writeUInt32BE(id, 5)
  channel.cork()
  channel.write(head)
  channel.write(payload)
  channel.uncork()
}

/** A length, the order as JSON, then the bytes of its inputs; -1 is an input it does not have. */
function requestOf(order: ProcessOrder): Buffer {
  const { file, args, directory, environment, ownGroup = false, niceness = 0 } = order
  const inputs = [order.stdin, order.extraInput].map((input) => (input === undefined ? undefined : Buffer.from(input)))
  const sizes = inputs.map((input) => input?.length ?? -1)
  const words = Buffer.from(JSON.stringify({ file, args, directory, environment, ownGroup, niceness, inputs: sizes }))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(words.length, 0)
  return Buffer.concat([length, words, ...inputs.flatMap((input) => input ?? [])])
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined
  let reject: (reason: Error) => void = () => undefined
  const promise = new Promise<T>((fulfil, refuse) => ([resolve, reject] = [fulfil, refuse]))
  // Whoever asks for the exit alone need not ask for the pid.
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}

const server = new ForkServer()

/** Starts a process through the small one beside this process. */
export const orderProcess = (order: ProcessOrder): OrderedProcess => server.start(order)
