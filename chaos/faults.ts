/** What a strike needs for itself while it lasts: two strikes on one of these follow each other. */
export type Target =
  'builder' | 'gateway' | 'temporal' | 'postgres' | 'temporal-link' | 'postgres-link' | 'model' | 'git' | 'api'

/** One way to break something. */
export interface Fault {
  readonly name: string
  /** Number in the list of faults every run accounts for. */
  readonly number: number
  readonly what: string
  readonly target: Target
  /** How long it lasts, in milliseconds. */
  readonly forMs: readonly [number, number]
  /** Only where there is time: it takes minutes until the other side gives up. */
  readonly slow?: true
  /** Tasks lose their builders by it. Three in a row at one step, and a task is set aside as poison. */
  readonly costsSeats?: true
}

const AT_ONCE = [0, 0] as const

const fault = <Name extends string>(
  name: Name,
  rest: Omit<Fault, 'name' | 'forMs'> & { readonly forMs?: readonly [number, number] },
) => ({ forMs: AT_ONCE, ...rest, name })

/** Everything a run can do to the gateway and its surroundings. */
export const FAULTS = [
  fault('builder-kill', { costsSeats: true, number: 1, what: 'kill -9 of a builder', target: 'builder' }),
  fault('gateway-kill', {
    costsSeats: true,
    number: 1,
    what: 'kill -9 of the gateway (API, Manager, supervisor)',
    target: 'gateway',
  }),
  fault('builder-freeze', {
    costsSeats: true,
    ...{ number: 2, what: 'a builder stops, then goes on as a zombie', target: 'builder', forMs: [5_000, 14_000] },
  }),
  fault('gateway-freeze', {
    costsSeats: true,
    number: 2,
    what: 'the gateway stops, then goes on',
    target: 'gateway',
    forMs: [3_000, 12_000],
  }),
  fault('temporal-kill', {
    costsSeats: true,
    number: 3,
    what: 'kill -9 of Temporal, then down',
    target: 'temporal',
    forMs: [0, 12_000],
  }),
  fault('postgres-kill', {
    costsSeats: true,
    number: 4,
    what: 'kill -9 of PostgreSQL, then down',
    target: 'postgres',
    forMs: [0, 12_000],
  }),
  fault('postgres-stop', {
    costsSeats: true,
    number: 4,
    what: 'immediate stop of PostgreSQL, then down',
    target: 'postgres',
    forMs: [0, 8_000],
  }),
  fault('model-overloaded', { number: 6, what: 'model answers 503', target: 'model' }),
  fault('model-rate-limited', { number: 6, what: 'model answers 429 with a delay', target: 'model' }),
  fault('model-internal', { number: 6, what: 'model answers 500', target: 'model' }),
  fault('model-reset', { number: 6, what: 'connection to the model reset before an answer', target: 'model' }),
  fault('model-cut', { number: 6, what: 'answer of the model cut in the middle', target: 'model' }),
  fault('model-stream-error', { number: 6, what: 'error in the middle of a streamed answer', target: 'model' }),
  fault('model-malformed', { number: 6, what: 'model ends with a malformed call', target: 'model' }),
  fault('model-slow', { number: 6, what: 'model link slow', target: 'model', forMs: [3_000, 10_000] }),
  fault('model-hang', { number: 6, what: 'model never answers one request', target: 'model', slow: true }),
  fault('temporal-cut', { number: 13, what: 'every connection to Temporal reset', target: 'temporal-link' }),
  fault('temporal-slow', {
    number: 13,
    what: 'link to Temporal slow',
    target: 'temporal-link',
    forMs: [3_000, 10_000],
  }),
  fault('temporal-partition', {
    costsSeats: true,
    ...{ number: 13, what: 'no byte to or from Temporal', target: 'temporal-link', forMs: [3_000, 15_000] },
  }),
  fault('temporal-one-way', {
    costsSeats: true,
    ...{ number: 13, what: 'bytes reach Temporal, none come back', target: 'temporal-link', forMs: [3_000, 15_000] },
  }),
  fault('postgres-cut', { number: 13, what: 'every connection to PostgreSQL reset', target: 'postgres-link' }),
  fault('postgres-slow', {
    number: 13,
    what: 'link to PostgreSQL slow',
    target: 'postgres-link',
    forMs: [3_000, 10_000],
  }),
  fault('postgres-partition', {
    costsSeats: true,
    ...{ number: 13, what: 'no byte to or from PostgreSQL', target: 'postgres-link', forMs: [3_000, 12_000] },
  }),
  fault('postgres-one-way', {
    costsSeats: true,
    ...{ number: 13, what: 'bytes reach PostgreSQL, none come back', target: 'postgres-link', forMs: [3_000, 12_000] },
  }),
  fault('git-cut-after-accept', { number: 14, what: 'push accepted, then the connection lost', target: 'git' }),
  fault('git-hang', {
    number: 14,
    what: 'remote accepts a push only after a while',
    target: 'git',
    forMs: [3_000, 8_000],
  }),
  fault('gateway-restart', {
    costsSeats: true,
    number: 16,
    what: 'SIGTERM of the gateway, then a new one',
    target: 'gateway',
  }),
  fault('builder-drain', { number: 17, what: 'SIGTERM of a builder', target: 'builder' }),
  fault('task-pause', { number: 18, what: 'a running task paused, then resumed', target: 'api', forMs: [500, 4_000] }),
  fault('key-rotation', { number: 19, what: 'a new API key in use, the old one revoked', target: 'api' }),
] as const satisfies readonly Fault[]

export type FaultName = (typeof FAULTS)[number]['name']

/** A number of the list that no run injects, or not whole, and how anybody can see why. */
export interface LeftOut {
  readonly number: number
  readonly what: string
  readonly why: string
}

/** What the list of faults has and a run has not. */
export const LEFT_OUT: readonly LeftOut[] = [
  {
    number: 1,
    what: 'a Manager or an API killed alone',
    why: 'they are one process: `grep -n "createManagerWorkers\\|serveApi" workers/gateway.ts`',
  },
  {
    number: 2,
    what: 'a builder frozen for longer than its supervisor waits',
    why: 'that one is killed, which is fault 1: `npx vitest run tests/pure/builder-health.test.ts`',
  },
  {
    number: 5,
    what: 'Redis killed or flushed',
    why: 'the gateway uses none: `grep -c REDIS adapters/config.ts` says 0',
  },
  {
    number: 6,
    what: 'answers that are blocked, empty, endless or the same again and again',
    why: 'each is a test of its own: `npx vitest run tests/contract/model-errors.test.ts tests/contract/model-breaks.test.ts`',
  },
  {
    number: 7,
    what: 'channels that fail after they accepted',
    why: 'a run of their own has them, with kills of everything: `npx vitest run tests/system/chat-storm.test.ts`',
  },
  { number: 8, what: 'duplicate webhooks', why: 'as 7; duplicate POSTs with an Idempotency-Key are part of every run' },
  {
    number: 9,
    what: 'full disks',
    why: 'nobody but root can put a small disk where a gateway works: `mount -t tmpfs -o size=1m none /mnt` as a user is refused',
  },
  {
    number: 10,
    what: 'clocks that jump',
    why: 'Temporal, whose clock times every wait, is a static program, which libfaketime does not reach: `ldd "$(command -v temporal)"`',
  },
  {
    number: 12,
    what: 'memory and process bombs in a command',
    why: 'tests/contract/sandbox-processes.test.ts has them; a run floods the output',
  },
  {
    number: 13,
    what: 'partition of one builder alone, and between builder and git',
    why: 'all share one link to each service, and remotes are files; each is a test of its own: `npx vitest run tests/builder/pool-health.test.ts tests/contract/git-remote-silence.test.ts`',
  },
  {
    number: 14,
    what: 'a branch that somebody else moved',
    why: 'it ends the task, whatever else happens: `npx vitest run tests/contract/git-host.test.ts -t moved`',
  },
  { number: 15, what: 'BigQuery that fails after a commit', why: 'not used yet: `ls adapters` has no bigquery' },
  {
    number: 16,
    what: 'two versions in turn',
    why: 'a checkout has one version: `git tag` lists no release; restarts are injected',
  },
  {
    number: 17,
    what: 'a pool that grows and shrinks fifty times',
    why: 'each time waits for an idle timeout; once is `npx vitest run tests/system/builder-pool.test.ts`',
  },
  {
    number: 18,
    what: 'an approval against its expiry',
    why: 'that takes thirty days, which only a clock that skips can wait for: `npx vitest run tests/workflows/waits.test.ts`',
  },
  { number: 20, what: 'an audit log that is away', why: 'there is none yet: `ocg audit` answers not_found' },
]
