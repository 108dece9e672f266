import { createHash } from 'node:crypto'
import { ulid } from 'ulidx'
import { createRepositoryPolicy } from '../../adapters/git/repository-policy.ts'
import { openStore } from '../../adapters/postgres/store.ts'
import { createApp } from '../../api/app.ts'
import type { ApiDependencies } from '../../api/dependencies.ts'
import type { Api } from '../../api/endpoint.ts'
import { createTaskIntake } from '../../api/task-intake.ts'
import { createSignIn, type SignIn } from '../../api/sign-in.ts'
import { ROLES, type Role } from '../../domain/permissions.ts'
import type { Store } from '../../domain/ports/store.ts'
import type { KnownRepository } from '../../domain/schemas/known-repositories.ts'
import type { TaskRequest, TaskState } from '../../domain/task.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { createTestTaskControl, type TestTaskControl } from './task-control.ts'

/** Who asks: a role's key of the tenant `default`, another key, or nobody. */
type As = Role | { readonly key: string } | 'nobody'

export interface Call {
  readonly method?: string
  readonly as?: As
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is, with a JSON content type unless `headers` say otherwise. */
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>
}

/** The API on a real store, without Temporal and without a socket. */
export interface TestApi {
  readonly app: Api
  readonly store: Store
  readonly control: TestTaskControl
  readonly signIn: SignIn
  readonly closing: AbortController
  /** What the API logged as its own faults since the last call; what nobody takes fails the suite at its end. */
  takeFaults(): readonly object[]
  /** How many event streams are being followed. */
  followers(): number
  /** `admin` unless `as` says otherwise; POST when there is a body. */
  call(path: string, call?: Call): Promise<Response>
  /** A key of another tenant or with its own roles. */
  key(options?: {
    readonly tenant?: string
    readonly roles?: readonly Role[]
    readonly expiresAt?: string
  }): Promise<{ readonly id: string; readonly key: string }>
  /** A task created over HTTP. */
  task(request?: Partial<TaskRequest>, as?: As): Promise<TaskView>
  /** A task of the admin that the store has moved on. */
  taskIn(state: TaskState, request?: Partial<TaskRequest>): Promise<string>
  close(): Promise<void>
}

export interface TestApiOptions {
  readonly url: string
  readonly repositories?: readonly KnownRepository[]
  readonly fileRoots?: readonly string[]
  readonly outboundAllowlist?: readonly string[]
  readonly clock?: () => Date
  readonly ready?: ApiDependencies['ready']
  /** No channel is configured without it. */
  readonly webhooks?: Partial<ApiDependencies['webhooks']>
}

export async function openTestApi(options: TestApiOptions): Promise<TestApi> {
  const { store, followers } = countingFollowers(await openStore({ url: options.url, connections: 8 }))
  const control = createTestTaskControl(store)
  const closing = new AbortController()
  const faults: object[] = []
  const clock = options.clock ?? (() => new Date())
  const signIn = createSignIn({ clock })
  const policy = createRepositoryPolicy({
    repositories: options.repositories ?? [],
    fileRoots: options.fileRoots ?? [],
  })
  const log = { error: (fields: object) => void faults.push(fields) }
  const intake = createTaskIntake({
    ...{ store, tasks: control, log, outboundAllowlist: options.outboundAllowlist ?? [] },
    checkRepository: (repository) => policy.resolve(repository).known ?? {},
  })
  const app = createApp({
    ...{ store, clock, signIn, tasks: control, intake, closing: closing.signal, namespace: 'default', log },
    ready: options.ready ?? (async () => ({ ok: true, failing: [] })),
    pool: async () => ({ queueDepth: 0, oldestWaitMs: 0, min: 2, max: 10 }),
    publicUrl: () => 'http://gateway.test',
    temporalUiUrl: 'http://temporal.test',
    webhooks: { channels: [], take: async () => undefined, ...options.webhooks },
    receiptKeys: () => [{ keyId: '0123456789abcdef', publicKey: 'AAAA' }],
  })
  const keys = Object.fromEntries(
    await Promise.all(ROLES.map(async (role) => [role, (await makeKey(store, { roles: [role] })).key] as const)),
  ) as Readonly<Record<Role, string>>
  const check = await documentedStatuses(app)
  const call = async (path: string, request: Call = {}) => {
    const init = initOf(request, keys)
    const response = await app.request(path, init)
    check({ path, method: String(init.method), status: response.status })
    return response
  }
  const takeFaults = () => faults.splice(0)
  return {
    ...{ app, store, control, signIn, closing, takeFaults, followers, call },
    key: (key = {}) => makeKey(store, key),
    async task(request = {}, as = 'admin') {
      const response = await call('/v1/tasks', { as, json: { prompt: 'Fix the parser', ...request } })
      if (response.status !== 202) throw new Error(`no task: ${response.status} ${await response.text()}`)
      return (await response.json()) as TaskView
    },
    taskIn: (state, request = {}) => storedTask(store, state, request),
    async close() {
      await store.close()
      if (faults.length > 0) throw new Error(`the API failed on a request: ${JSON.stringify(faults)}`)
    },
  }
}

/** The same store, which knows how many subscriptions are open. */
function countingFollowers(store: Store): { readonly store: Store; readonly followers: () => number } {
  let open = 0
  const subscribe: Store['tasks']['subscribe'] = async (taskId, listener) => {
    const unsubscribe = await store.tasks.subscribe(taskId, listener)
    open += 1
    return () => {
      open -= 1
      unsubscribe()
    }
  }
  return { store: { ...store, tasks: { ...store.tasks, subscribe } }, followers: () => open }
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: object }>>>>
}

/** Throws for an answer whose status the OpenAPI document does not name for its operation. */
async function documentedStatuses(app: Api) {
  const { paths } = (await (await app.request('/openapi.json')).json()) as Document
  const operations = Object.entries(paths).map(([path, methods]) => ({
    pattern: new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`),
    methods,
  }))
  return ({ path, method, status }: { path: string; method: string; status: number }) => {
    const bare = path.replace(/[?#].*$/s, '')
    const operation = operations.find(({ pattern }) => pattern.test(bare))?.methods[method.toLowerCase()]
    if (operation && !(status in operation.responses))
      throw new Error(`${method} ${path} answered ${status}, which its documentation does not name`)
  }
}

async function makeKey(
  store: Store,
  key: { readonly tenant?: string; readonly roles?: readonly Role[]; readonly expiresAt?: string },
): Promise<{ id: string; key: string }> {
  const secret = `test-${ulid()}`
  const hash = createHash('sha256').update(secret).digest('hex')
  const { id } = await store.keys.create({
    ...{ id: `key-${ulid()}`, name: 'test', tenant: 'default', roles: ['admin'], hash },
    ...key,
  })
  return { id, key: secret }
}

function initOf({ as = 'admin', json, ...call }: Call, keys: Readonly<Record<Role, string>>): RequestInit {
  const body = json === undefined ? call.body : JSON.stringify(json)
  const authorization = as === 'nobody' ? {} : { authorization: `Bearer ${typeof as === 'string' ? keys[as] : as.key}` }
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  return {
    method: call.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...authorization, ...type, ...call.headers },
    ...(body !== undefined && { body: body as RequestInit['body'], duplex: 'half' }),
  } as RequestInit
}

const HAPPY_WAY: readonly TaskState[] = ['understanding', 'queued', 'building', 'verifying', 'delivering', 'completed']

async function storedTask(store: Store, state: TaskState, request: Partial<TaskRequest>): Promise<string> {
  const taskId = `task-${ulid()}`
  await store.tasks.accept({
    ...{ id: taskId, channel: 'api', tenant: 'default', requester: 'key:other', key: taskId, digest: '' },
    request: { prompt: 'Fix the parser', ...request },
  })
  const way = HAPPY_WAY.includes(state) ? HAPPY_WAY.slice(0, HAPPY_WAY.indexOf(state) + 1) : wayTo(state)
  for (const to of way)
    await store.tasks.move({
      ...{ taskId, to },
      ...(to === 'building' && { change: { builder: { id: 'builder-1', seat: 1, attempt: 1 } } }),
      ...(to === 'completed' && { events: [{ type: 'task-ended', data: { state: to } }] }),
    })
  return taskId
}

const wayTo = (state: TaskState): readonly TaskState[] =>
  state === 'received' ? [] : ['understanding', 'queued', 'building', state]

/** A problem as RFC 9457 has it, with what the contract adds. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

/** The problem a response holds; throws when it is not a well-formed one. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text()
  const complaint = (what: string) => new Error(`${what}: ${response.status} ${text.slice(0, 300)}`)
  if (response.headers.get('content-type') !== 'application/problem+json') throw complaint('no problem+json')
  const problem = JSON.parse(text) as Problem
  if (problem.status !== response.status) throw complaint('status differs')
  for (const field of ['type', 'title', 'detail', 'code'] as const)
    if (typeof problem[field] !== 'string' || problem[field] === '') throw complaint(`no ${field}`)
  for (const fault of problem.errors ?? [])
    if (typeof fault.pointer !== 'string' || typeof fault.detail !== 'string') throw complaint('broken errors')
  return problem
}

/** Status and code of a refusal, checked to be a well-formed problem. */
export async function refusalOf(response: Response): Promise<string> {
  const { status, code } = await problemOf(response)
  return `${status} ${code}`
}
