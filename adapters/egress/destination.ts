/** Where a connection is to go: a lower-case name or an IPv4 literal, and a port. */
export interface Destination {
  readonly host: string
  readonly port: number
}

/** Labels of letters, digits, dashes: no user, no NUL, no trailing dot, no IPv6, nothing two parsers read differently. */
const AUTHORITY =
  /^([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)*)(?::([1-9]\d{0,4}))?$/i
const MAX_NAME = 253
const MAX_PORT = 65_535

/** Reads `host:port`; undefined unless it is of the one plain form. */
export function destinationOf(authority: string, usualPort?: number): Destination | undefined {
  const [, host = '', digits] = AUTHORITY.exec(authority) ?? []
  const port = digits === undefined ? usualPort : Number(digits)
  if (host === '' || host.length > MAX_NAME || port === undefined || port > MAX_PORT) return undefined
  return { host: host.toLowerCase(), port }
}

/** Reads the target of a plain proxy request, `http://host[:port]/path`. */
export function plainTarget(url: string): (Destination & { readonly path: string }) | undefined {
  const [, authority = '', path = '/'] = /^http:\/\/([^/?#\\]+)(\/[\x21-\x5b\x5d-\x7e]*)?$/i.exec(url) ?? []
  const destination = destinationOf(authority, 80)
  return destination && { ...destination, path }
}
