import type { Answer, WholeRequest } from '../webhook/local-server.ts'
import { CallArguments, readArguments } from './arguments.ts'
import { Described, type Desk } from './desk.ts'
import { isCarriedOut, type FaultPlan } from '../webhook/fault-plan.ts'
import { answerOf, type Fault } from './faults.ts'
import type { TelegramLedger } from './ledger.ts'
import { methodNamed } from './methods.ts'
import { Refusal, unauthorized } from './refusal.ts'

const METHOD_PATH = /^\/bot([^/]+)\/(\w+)\/?$/
const FILE_PATH = /^\/file\/bot([^/]+)\/documents\/([^/]+)\/[^/]+$/
const TOKEN = /^[1-9]\d{0,15}:[\w-]{10,64}$/

interface Told {
  readonly method: string
  readonly call: CallArguments
  readonly status: number
  readonly description?: string
  readonly fault?: Fault | undefined
}

/** Leads a request to its method and writes it down. */
export class Dispatcher {
  constructor(
    private readonly parts: {
      readonly desk: Desk
      readonly ledger: TelegramLedger
      readonly faults: FaultPlan<Fault>
      readonly token: string
    },
  ) {}

  async answer(request: WholeRequest): Promise<Answer> {
    // Clients escape the colon of the token now and then.
    const path = request.url.pathname.replace(/%3a/i, ':')
    const [isFile, fileToken = '', fileId = ''] = FILE_PATH.exec(path) ?? []
    if (isFile !== undefined) return this.download(fileToken, fileId)
    const [, token, name = ''] = METHOD_PATH.exec(path) ?? []
    if (token === undefined) return refused(new Refusal(404, 'Not Found'))
    return this.call({ request, token, name })
  }

  /** Carries out a call that came as the answer to an update: nobody hears its result. */
  async callFromWebhook(body: string): Promise<void> {
    const call = await readArguments({
      query: new URLSearchParams(),
      type: 'application/json',
      body: Buffer.from(body.trimStart().startsWith('{') ? body : '{}'),
    }).catch(() => undefined)
    const name = call?.text('method') ?? ''
    const method = methodNamed(name)
    if (!call || !method || /^(get|setwebhook$)/i.test(name)) return
    const { status, description } = await this.carryOut(async () =>
      method(this.parts.desk, call, new AbortController().signal),
    )
    this.note({ method: name, call, status, ...(description !== undefined && { description }) })
  }

  private async call(asked: { request: WholeRequest; token: string; name: string }): Promise<Answer> {
    const { request, token, name } = asked
    let call = new CallArguments(new Map())
    const isKnown = methodNamed(name) !== undefined && token === this.parts.token
    const fault = isKnown ? this.parts.faults.next(name.toLowerCase()) : undefined
    const { status, description, body } = await this.carryOut(async () => {
      checkToken(token, this.parts.token)
      if (request.method !== 'GET' && request.method !== 'POST') throw new Refusal(404, 'Not Found')
      const type = request.headers['content-type'] ?? ''
      call = await readArguments({ query: request.url.searchParams, type, body: request.body })
      const method = methodNamed(name)
      if (!method) throw new Refusal(404, 'Not Found: method not found')
      if (fault !== undefined && !isCarriedOut(fault)) return undefined
      return method(this.parts.desk, call, request.left)
    })
    const answer: Answer = fault === undefined ? { kind: 'answer', status, body } : answerOf(fault)
    const told = answer.kind === 'answer' ? answer.status : 0
    this.note({ method: name, call, status: told, fault, ...(description !== undefined && { description }) })
    return answer
  }

  private async carryOut(run: () => Promise<unknown>): Promise<{ status: number; description?: string; body: object }> {
    try {
      const result = await run()
      if (!(result instanceof Described)) return { status: 200, body: { ok: true, result } }
      return { status: 200, body: { ok: true, result: result.result, description: result.description } }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { status: error.code, description: error.message, body: error.body }
    }
  }

  private note({ method, call, status, description, fault }: Told): void {
    const strays = status === 200 ? call.strays.filter((name) => name !== 'method') : []
    this.parts.ledger.add({
      at: new Date(this.parts.desk.world.now()).toISOString(),
      method,
      parameters: call.noted,
      status,
      ...(description !== undefined && { description }),
      ...(strays.length > 0 && { strays }),
      ...(fault !== undefined && { fault }),
    })
  }

  private download(token: string, id: string): Answer {
    const fault = this.parts.faults.nextNamed('file')
    if (fault !== undefined) return answerOf(fault)
    const file = token === this.parts.token ? this.parts.desk.world.files.get(id) : undefined
    if (!file) return refused(new Refusal(404, 'Not Found'))
    return { kind: 'answer', status: 200, body: file.bytes }
  }
}

function checkToken(token: string, right: string): void {
  if (!TOKEN.test(token)) throw new Refusal(401, 'Unauthorized: invalid token specified')
  if (token !== right) throw unauthorized()
}

const refused = ({ code, body }: Refusal): Answer => ({ kind: 'answer', status: code, body })
