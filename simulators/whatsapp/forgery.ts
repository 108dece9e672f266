import { createHmac } from 'node:crypto'
import { metaJson, signatureOf } from './callbacks.ts'

/** Ways a webhook can be forged: the product must refuse each. */
export const FORGERIES = [
  'no-signature',
  'empty-signature',
  'other-secret',
  'sha1-only',
  'without-prefix',
  'truncated',
  'of-another-body',
  'of-reserialized-body',
] as const

export type Forgery = (typeof FORGERIES)[number]

/** Headers that do not prove what they should about a body. */
function headersOf(forgery: Forgery, { body, secret }: { body: string; secret: string }): Record<string, string> {
  const signed = (signature: string) => ({ 'x-hub-signature-256': signature })
  const right = signatureOf(secret, body)
  switch (forgery) {
    case 'no-signature':
      return {}
    case 'empty-signature':
      return signed('')
    case 'other-secret':
      return signed(signatureOf(`${secret}x`, body))
    case 'sha1-only':
      return { 'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}` }
    case 'without-prefix':
      return signed(right.replace('sha256=', ''))
    case 'truncated':
      return signed(right.slice(0, -2))
    case 'of-another-body':
      return signed(signatureOf(secret, `${body} `))
    case 'of-reserialized-body':
      return signed(signatureOf(secret, JSON.stringify(JSON.parse(body))))
  }
}

/** Sends a payload with a forged signature; gives the HTTP status the product answers with. */
export async function sendForged(
  forgery: Forgery,
  target: { readonly url: string; readonly secret: string; readonly payload: object },
): Promise<number> {
  const body = metaJson(target.payload)
  const headers = { 'content-type': 'application/json', ...headersOf(forgery, { body, secret: target.secret }) }
  const response = await fetch(target.url, { method: 'POST', headers, body })
  await response.arrayBuffer()
  return response.status
}
