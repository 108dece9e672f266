import { createHash, timingSafeEqual } from 'node:crypto'
import type { Answer, WholeRequest } from '../webhook/local-server.ts'
import { FaultPlan, isCarriedOut } from '../webhook/fault-plan.ts'
import { answerOf, type Fault } from './faults.ts'
import { GraphError, invalidParameter, tokenRefused, unknownPath, unsupportedRequest } from './graph-error.ts'
import type { WhatsAppLedger } from './ledger.ts'
import { readMessage } from './message-rules.ts'
import type { Network } from './network.ts'
import type { Sending } from './sending.ts'

const URL_LIVES_MS = 300_000
const MEDIA_LIVES_MS = 604_800_000
const PATH = /^\/v\d{1,2}\.0\/([^/]+)(?:\/([^/]+))?$/
const DOWNLOAD = '/whatsapp_business/attachments/'

/** The Graph API: who may ask, for what, and the answer. */
export class Graph {
  /** Of messages, by what they are: `text`, `interactive`, `reaction`, `read` …; of files only by `media` and `download`. */
  readonly faults = new FaultPlan<Fault>()

  constructor(
    private readonly parts: {
      readonly network: Network
      readonly sending: Sending
      readonly ledger: WhatsAppLedger
      readonly token: string
      readonly phoneNumberId: string
    },
  ) {}

  answer(request: WholeRequest): Answer {
    const isMessage = request.method === 'POST' && request.url.pathname.endsWith('/messages')
    const { faults } = this
    const fault = isMessage
      ? faults.next(kindOf(request))
      : faults.nextNamed(request.url.pathname === DOWNLOAD ? 'download' : 'media')
    let refusal: GraphError | undefined
    let answer: Answer
    try {
      checkBearer(request, this.parts.token)
      answer = fault !== undefined && !isCarriedOut(fault) ? answerOf(fault) : this.carryOut(request)
      if (fault !== undefined) answer = answerOf(fault)
    } catch (error) {
      if (!(error instanceof GraphError)) throw error
      refusal = error
      answer = { kind: 'answer', status: error.http, body: error.body }
    }
    this.note({ request, answer, refusal, fault })
    return answer
  }

  private carryOut(request: WholeRequest): Answer {
    const { method, url } = request
    if (method === 'GET' && url.pathname === DOWNLOAD) return this.download(url)
    const [found, id = '', edge] = PATH.exec(url.pathname) ?? []
    if (found === undefined) throw unknownPath(url.pathname)
    if (method === 'POST' && edge === 'messages') return ok(this.message(id, request))
    if (method === 'GET' && edge === undefined)
      return ok(id === this.parts.phoneNumberId ? { id } : this.media(id, request))
    if (edge !== undefined && edge !== 'messages') throw unknownPath(`/${edge}`)
    throw unsupportedRequest(method, id)
  }

  private message(phoneNumberId: string, request: WholeRequest): object {
    if (phoneNumberId !== this.parts.phoneNumberId) throw unsupportedRequest('POST', phoneNumberId)
    const message = readMessage(parse(request))
    const { sending } = this.parts
    return 'status' in message ? sending.markRead(message) : sending.send(message)
  }

  private media(id: string, { headers }: WholeRequest): object {
    const { network } = this.parts
    const media = network.media.get(id)
    if (!media || network.now() - media.sentAt > MEDIA_LIVES_MS) throw unsupportedRequest('GET', id)
    const until = network.now() + URL_LIVES_MS
    const query = new URLSearchParams({ mid: id, ext: String(until), hash: this.hashOf(id, String(until)) })
    return {
      messaging_product: 'whatsapp',
      url: `http://${headers.host ?? '127.0.0.1'}${DOWNLOAD}?${query.toString()}`,
      mime_type: media.type,
      sha256: media.sha256,
      file_size: media.bytes.length,
      id,
    }
  }

  private download({ searchParams }: URL): Answer {
    const [id = '', until = '', hash = ''] = ['mid', 'ext', 'hash'].map((name) => searchParams.get(name) ?? '')
    const { network } = this.parts
    const media = network.media.get(id)
    if (!media || hash !== this.hashOf(id, until) || network.now() > Number(until))
      return { kind: 'answer', status: 404, headers: { 'content-type': 'text/plain' }, body: 'URL signature expired' }
    return { kind: 'answer', status: 200, headers: { 'content-type': media.type }, body: media.bytes }
  }

  private hashOf(id: string, until: string): string {
    return createHash('sha256').update(`${id} ${until} ${this.parts.token}`).digest('base64url')
  }

  private note(told: {
    request: WholeRequest
    answer: Answer
    refusal: GraphError | undefined
    fault: Fault | undefined
  }): void {
    const { request, answer, refusal, fault } = told
    this.parts.ledger.add({
      at: new Date(this.parts.network.now()).toISOString(),
      method: request.method,
      path: request.url.pathname,
      body: request.body.toString('utf8'),
      status: answer.kind === 'answer' ? answer.status : 0,
      ...(refusal && { code: refusal.code, refusal: refusal.details ?? refusal.message }),
      ...(fault !== undefined && { fault }),
    })
  }
}

function kindOf({ body }: WholeRequest): string {
  const { type, status } = (parsed(body) ?? {}) as { readonly type?: unknown; readonly status?: unknown }
  return String(type ?? status)
}

const ok = (body: object): Answer => ({ kind: 'answer', status: 200, body })

function checkBearer({ headers }: WholeRequest, token: string): void {
  const given = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
  const digest = (text: string) => createHash('sha256').update(text).digest()
  if (!timingSafeEqual(digest(given), digest(token))) throw tokenRefused()
}

function parse({ headers, body }: WholeRequest): unknown {
  if (!/^application\/json\b/i.test(headers['content-type'] ?? ''))
    throw invalidParameter('The parameter messaging_product is required.')
  const message = parsed(body)
  if (message === undefined) throw invalidParameter('Invalid parameter: the body is not JSON.')
  return message
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
