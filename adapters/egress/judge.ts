import ipaddr from 'ipaddr.js'
import { addressesOf, isPublicAddress } from '../network/public-address.ts'
import { createAllowlist } from './allowlist.ts'
import type { Destination } from './destination.ts'

/** Whether a connection may be made, and then to these addresses only. */
export type Judgement =
  { readonly addresses: readonly string[]; readonly why?: never } | { readonly why: string; readonly addresses?: never }

export type Judge = (destination: Destination) => Promise<Judgement>

/**
 * Judges connections by the operator's list. The name is resolved here, once, and the addresses found are the ones
 * connected to: a name cannot change its mind in between. Inner addresses need the operator's word for that very host;
 * link-local ones, where clouds hand out credentials, are never reached.
 */
export function createJudge(rules: {
  /** Hosts commands may reach: `host`, `host:port`, `*.domain`. */
  readonly allowed: readonly string[]
  /** Of these, hosts that may have an inner address: `host` or `host:port`. */
  readonly inner: readonly string[]
  readonly resolve?: (host: string) => Promise<readonly string[]>
}): Judge {
  const isAllowed = createAllowlist(rules.allowed)
  const resolve = rules.resolve ?? addressesOf
  return async (destination) => {
    const { host, port } = destination
    if (!isAllowed(destination)) return { why: 'not on the list of allowed hosts' }
    const addresses = await resolve(host)
    if (addresses.length === 0) return { why: 'no address is known' }
    if (addresses.some(isLinkLocal)) return { why: 'a link-local address' }
    const mayBeInner = rules.inner.includes(host) || rules.inner.includes(`${host}:${port}`)
    if (!mayBeInner && !addresses.every(isPublicAddress)) return { why: 'an inner address' }
    return { addresses }
  }
}

const isLinkLocal = (address: string): boolean =>
  !ipaddr.isValid(address) || ipaddr.process(address).range() === 'linkLocal'
