import { isInnerHost } from '../adapters/network/public-address.ts'
import { GatewayError } from '../domain/errors.ts'

/** What the URL parser would mend silently another client may read differently. */
const WELL_FORMED = /^https:\/\/[^\s\\/?#\p{Cc}]+([/?#][^\s\\\p{Cc}]*)?$/iu

/** Throws `callback_not_allowed` unless results may be sent to this URL. It is checked again when they are. */
export function checkCallback(url: string, allowlist: readonly string[]): void {
  if (!URL.canParse(url)) throw refused('it is not a URL')
  const { protocol, username, password, hostname, host } = new URL(url)
  if (protocol !== 'https:') throw refused('it is not https')
  if (!WELL_FORMED.test(url)) throw refused('it holds blanks, backslashes or no host of its own')
  if (username !== '' || password !== '') throw refused('it holds credentials')
  if (allowlist.includes(hostname) || allowlist.includes(host)) return
  if (isInnerHost(hostname))
    throw refused(`${hostname} is an inner address; the operator may list it in OUTBOUND_ALLOWLIST`)
}

const refused = (why: string): GatewayError =>
  new GatewayError('callback_not_allowed', `The callbackUrl is not allowed: ${why}.`)
