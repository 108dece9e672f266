import { createHash, randomInt } from 'node:crypto'
import { z } from 'zod'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'
import { emptyBody } from '../json-body.ts'

/** Time to change to the phone and type it. */
const CODE_LIFE_MS = 15 * 60_000
/** Without those that look alike; ten of them are fifty bits, for a quarter of an hour. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const CODE_LENGTH = 10

/** One-time codes that tie a chat user to the caller. */
export function linkRoutes({ store, clock }: ApiDependencies): readonly Endpoint[] {
  return [
    {
      ...{ method: 'post', path: '/v1/links', tag: 'Chat', summary: 'A code for /link in a chat' },
      answer: {
        status: 201,
        schema: z.object({ code: z.string(), expiresAt: z.iso.datetime() }),
        description: 'Sent as `/link <code>` it ties that chat user to the caller, once.',
      },
      async handler(context) {
        await emptyBody(context)
        const code = Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
        const codeHash = createHash('sha256').update(code).digest('hex')
        const expiresAt = new Date(clock().getTime() + CODE_LIFE_MS).toISOString()
        await store.chatUsers.offerLink({ codeHash, caller: context.get('caller'), expiresAt })
        return context.json({ code, expiresAt }, 201)
      },
    },
  ]
}
