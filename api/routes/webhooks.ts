import { z } from 'zod'
import { GatewayError } from '../../domain/errors.ts'
import type { ChannelWebhook } from '../../domain/ports/channel.ts'
import type { ApiContext } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'
import { parseJson, readBytes } from '../json-body.ts'

const TAG = 'Webhooks'
/** Services send batches of at most three megabytes. */
const MAX_BODY_BYTES = 4 * 1024 * 1024
const taken = { status: 200, schema: z.object({}), description: 'Durable; an unknown kind of event is taken too.' }
const refusals = [400, 401, 413, 503]

/** Where chat services bring what people say. Only configured channels have a route. */
export function webhookRoutes({ webhooks }: ApiDependencies): readonly Endpoint[] {
  const { channels, take } = webhooks
  const received = (webhook: ChannelWebhook): Endpoint => ({
    ...{ method: 'post', path: `/webhooks/${webhook.name}`, tag: TAG, isPublic: true, refusals, answer: taken },
    summary: `For ${webhook.name} alone: it proves itself by its own signature`,
    async handler(context) {
      await take(webhook.read(parseJson(await genuineBody(context, webhook))))
      return context.json({})
    },
  })
  const handshake = ({ name, challengeOf }: Greeted): Endpoint => ({
    ...{ method: 'get', path: `/webhooks/${name}`, tag: TAG, isPublic: true, refusals: [403] },
    summary: `The handshake of ${name}`,
    answer: { status: 200, mediaType: 'text/plain', description: 'The bare challenge.' },
    handler(context) {
      const challenge = challengeOf({ get: (name) => context.req.query(name) })
      if (challenge === undefined) throw new GatewayError('forbidden', 'The verify token is not the configured one.')
      return context.text(challenge)
    },
  })
  return channels.flatMap((webhook) => [...(isGreeted(webhook) ? [handshake(webhook)] : []), received(webhook)])
}

type Greeted = ChannelWebhook & Required<Pick<ChannelWebhook, 'challengeOf'>>
const isGreeted = (webhook: ChannelWebhook): webhook is Greeted => webhook.challengeOf !== undefined

/** The body of a request that the service itself sent. It is not parsed before that is certain. */
async function genuineBody(context: ApiContext, webhook: ChannelWebhook): Promise<Buffer> {
  const { headers } = context.req.raw
  if (!webhook.hasProof(headers)) throw notGenuine(webhook)
  const body = await readBytes(context.req.raw, MAX_BODY_BYTES)
  if (!webhook.isGenuine(headers, body)) throw notGenuine(webhook)
  return body
}

const notGenuine = ({ name }: ChannelWebhook): GatewayError =>
  new GatewayError(
    'unauthenticated',
    `This request does not carry the signature of ${name}. Compare the configured secrets.`,
  )
