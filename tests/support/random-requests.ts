import type { Call } from './api.ts'

/** A request somebody careless or hostile could send. */
export interface RandomRequest extends Call {
  readonly path: string
}

const TEXTS = [
  ...['', ' ', 'x', 'null', '0', '-1', 'NaN', '1e999', 'true', '__proto__', 'constructor', 'toString', '../..', '%00'],
  ...['\0', 'a\0b', '\ud800', '\udfff', '\u2028', '\ufeff', '😀'.repeat(50), 'é', 'x'.repeat(40_000), "' or 1=1 --"],
  ...[
    '%',
    '_',
    '\\',
    '"',
    '{}',
    '[]',
    '<script>',
    '${x}',
    '\r\n',
    '$1',
    'task-0',
    'https://127.0.0.1',
    'ext::sh -c id',
  ],
  ...['2090-01-01T00:00:00Z', '9999-12-31T23:59:59+23:59', '0000-00-00T00:00:00Z', 'git@localhost:x', 'file:///etc'],
]
const NUMBERS = [0, 1, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 5e-324, 200, 201]
const FIELDS = [
  ...['prompt', 'title', 'kind', 'repository', 'url', 'ref', 'acceptance', 'setup', 'commands', 'protectedPaths'],
  ...['constraints', 'budgetUsd', 'maxTurns', 'deadline', 'approvalMode', 'network', 'priority', 'labels'],
  ...['text', 'decision', 'comment', 'name', 'roles', 'tenant', 'expiresAt', 'callbackUrl', '__proto__', 'a/b~c', ''],
]
const PARAMETERS = ['limit', 'cursor', 'q', 'state', 'kind', 'x']
const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS']

interface Route {
  readonly path: string
  readonly method: string
  /** Right for it, to be bent in one place. */
  readonly body?: object
}
const post = (path: string, body?: object): Route => ({ path, method: 'POST', ...(body && { body }) })
const get = (path: string): Route => ({ path, method: 'GET' })
const repository = { url: 'https://github.com/a/b', ref: 'main' }
const constraints = { budgetUsd: 1, maxTurns: 1, deadline: '2090-01-01T00:00:00Z' }
const ROUTES: readonly Route[] = [
  post('/v1/tasks', { prompt: 'x', repository, acceptance: { commands: ['x'], protectedPaths: ['t'] } }),
  post('/v1/tasks', { prompt: 'x', constraints, labels: ['x'], priority: 1, callbackUrl: 'https://example.com' }),
  post('/v1/tasks/:id/messages', { text: 'x' }),
  post('/v1/tasks/:id/approvals/:text', { decision: 'reject', comment: 'x' }),
  post('/v1/tasks/:id/priority', { priority: 2 }),
  post('/v1/tasks/:id/budget', { budgetUsd: 2 }),
  post('/v1/keys', { name: 'x', roles: ['viewer'], tenant: 'x', expiresAt: '2090-01-01T00:00:00Z' }),
  ...['cancel', 'pause', 'resume', 'retry'].map((verb) => post(`/v1/tasks/:id/${verb}`, {})),
  ...['/v1/tasks', '/v1/tasks/:id', '/v1/tasks/:id/events', '/v1/tasks/:id/patch', '/v1/tasks/:id/transcript'].map(get),
  ...['/v1/tasks/:id/receipt', '/v1/tasks/:text/:text', '/v1/me', '/v1/builders', '/v1/keys', '/:text'].map(get),
  ...['/mcp/:text', '/healthz', '/openapi.json', '/sign-in/:text', '/docs/:text'].map(get),
  { path: '/v1/keys/:text', method: 'DELETE' },
]

/** The same endless row of requests for the same seed. `ids` are tasks that exist. */
export function* randomRequests(source: { readonly seed: number; readonly ids: readonly string[] }) {
  const choose = createChooser(source.seed)
  const { pick, chance } = choose
  for (;;) {
    const route = pick(ROUTES)
    const path = route.path.replace(/:(id|text)/g, (_, kind) =>
      kind === 'id' ? pick(source.ids) : encoded(choose, pick(TEXTS)),
    )
    const method = chance(0.7) ? route.method : pick(METHODS)
    const body =
      method === 'GET' || method === 'HEAD' || chance(0.1) ? {} : { body: bodyText(choose, route.body ?? {}) }
    const as = pick(['admin', 'admin', 'admin', 'submitter', 'viewer', 'nobody'] as const)
    const request: RandomRequest = { path: `${path}${query(choose)}`, method, headers: headers(choose), as, ...body }
    yield request
  }
}

export interface Chooser {
  pick<T>(values: readonly T[]): T
  chance(probability: number): boolean
}

/** mulberry32: small, seeded, good enough to choose with. */
export function createChooser(seed: number): Chooser {
  let state = seed
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    pick: <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T,
    chance: (probability) => random() < probability,
  }
}

function valueOf(choose: Chooser, depth = 0): unknown {
  const { pick, chance } = choose
  if (depth < 3 && chance(0.15)) return pick([[], [0, 0], [0, 0, 0]]).map(() => valueOf(choose, depth + 1))
  if (depth < 3 && chance(0.2)) return Object.fromEntries([[pick(FIELDS), valueOf(choose, depth + 1)]])
  return pick<unknown>([pick(TEXTS), pick(TEXTS), pick(NUMBERS), null, true])
}

/** The same value with one place bent: another value, a new field or one field less. */
function bent(choose: Chooser, original: unknown): unknown {
  const { pick, chance } = choose
  if (typeof original !== 'object' || original === null || chance(0.2)) return valueOf(choose)
  if (Array.isArray(original)) return [...original, valueOf(choose)]
  const entries = Object.entries(original)
  if (entries.length === 0 || chance(0.2)) return Object.fromEntries([...entries, [pick(FIELDS), valueOf(choose)]])
  const [name, child] = pick(entries)
  if (chance(0.1)) return Object.fromEntries(entries.filter(([other]) => other !== name))
  return { ...original, [name]: bent(choose, child) }
}

function bodyText(choose: Chooser, right: object): string {
  const { pick, chance } = choose
  const text = JSON.stringify(chance(0.4) ? right : bent(choose, right))
  if (chance(0.9)) return text
  const cut = pick([...text].map((_, index) => index))
  return pick([text.slice(0, cut), text.slice(cut), `${text.slice(0, cut)}${pick(TEXTS)}${text.slice(cut)}`])
}

function query(choose: Chooser): string {
  const { pick, chance } = choose
  if (chance(0.7)) return ''
  const parameter = () => `${pick(PARAMETERS)}=${encoded(choose, String(pick<unknown>([pick(TEXTS), pick(NUMBERS)])))}`
  return `?${parameter()}${chance(0.5) ? `&${parameter()}` : ''}`
}

function headers({ pick, chance }: Chooser): Readonly<Record<string, string>> {
  const text = () =>
    pick(TEXTS)
      .replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
      .slice(0, 300)
  return {
    ...(chance(0.2) && { 'idempotency-key': text() }),
    ...(chance(0.1) && { 'last-event-id': text() }),
    ...(chance(0.3) && { accept: pick(['application/json', 'text/event-stream', '*/*', text()]) }),
    ...(chance(0.1) && { 'content-type': pick(['text/plain', 'application/json; charset=utf-16', text()]) }),
    ...(chance(0.03) && { authorization: text() }),
  }
}

/** Mostly as a client would write it into a URL, sometimes as it is. */
const encoded = ({ chance }: Chooser, text: string): string =>
  chance(0.7) ? encodeURIComponent(text.replace(/\p{Surrogate}/gu, '')) : text.replace(/[\0-\x20#?\\]/g, '')
