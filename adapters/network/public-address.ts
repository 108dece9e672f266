import { lookup } from 'node:dns/promises'
import ipaddr from 'ipaddr.js'

/** Whether an address is routed in the public internet: not private, loopback, link-local, reserved or a mapping of such. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return parsed.range() === 'unicast' && !isTranslated(parsed)
}

/** NAT64 and 6to4 addresses lead to the IPv4 address inside them. */
function isTranslated(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.kind() === 'ipv6' && /^(64:ff9b:|2002:)/.test(address.toString())
}

/**
 * The addresses of a host when every one of them is public; undefined when one is not or the name is unknown. The
 * caller connects to these and does not ask again, so that a name cannot change its mind in between.
 */
export async function publicAddressesOf(host: string): Promise<readonly string[] | undefined> {
  const bare = host.replace(/^\[|\]$/g, '')
  const addresses = ipaddr.isValid(bare) ? [bare] : await resolved(bare)
  return addresses.length > 0 && addresses.every(isPublicAddress) ? addresses : undefined
}

async function resolved(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true }).catch(() => [])
  return found.map(({ address }) => address)
}

/** Whether a host names an inner address by itself, before any look-up: `localhost`, an inner suffix, a literal. */
export function isInnerHost(host: string): boolean {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
  if (ipaddr.isValid(bare)) return !isPublicAddress(bare)
  return !bare.includes('.') || /\.(localhost|local|internal|lan|home|intranet|corp|arpa)$/.test(bare)
}
