import { lookup } from 'node:dns/promises'
import ipaddr from 'ipaddr.js'

/** All of IPv6 that is routed: outside stand mappings, translations and everything of one link, site or host. */
const ROUTED_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** Whether an address is routed in the public internet: not private, loopback, link-local, reserved or a mapping of such. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast') return false
  return parsed instanceof ipaddr.IPv4 || parsed.match(ROUTED_IPV6)
}

/**
 * The addresses of a host when every one of them is public; undefined when one is not or the name is unknown. The
 * caller connects to these and does not ask again, so that a name cannot change its mind in between.
 */
export async function publicAddressesOf(host: string): Promise<readonly string[] | undefined> {
  const addresses = await addressesOf(host)
  return addresses.length > 0 && addresses.every(isPublicAddress) ? addresses : undefined
}

/** The addresses of a host; none when the name is unknown. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  const bare = host.replace(/^\[|\]$/g, '')
  if (ipaddr.isValid(bare)) return [bare]
  const found = await lookup(bare, { all: true }).catch(() => [])
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
