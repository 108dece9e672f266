import type { IncomingMessage } from 'node:http'
import { keyInvalid, keyMissing, tokenInvalid } from './errors.ts'
import type { Edition } from './request.ts'

/**
 * Lets a request in or throws the service's refusal: 403 without a key, 400 for a wrong one, 401 for a wrong or missing
 * bearer token. Without `apiKeys` every key and token that is not empty is right.
 */
export function checkCredentials(
  request: IncomingMessage,
  { edition, apiKeys }: { edition: Edition; apiKeys: readonly string[] | undefined },
): void {
  const isKnown = (secret: string): boolean => apiKeys === undefined || apiKeys.includes(secret)
  const key = keyOf(request)
  if (key !== '') {
    if (!isKnown(key)) throw keyInvalid()
    return
  }
  const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) throw edition === 'vertex' ? tokenInvalid() : keyMissing()
  if (!isKnown(token)) throw tokenInvalid()
}

function keyOf({ headers, url = '' }: IncomingMessage): string {
  const header = headers['x-goog-api-key']
  return (
    (Array.isArray(header) ? header[0] : header) || (new URL(url, 'http://localhost').searchParams.get('key') ?? '')
  )
}
