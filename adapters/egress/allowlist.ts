import { destinationOf, type Destination } from './destination.ts'

const USUAL_PORT = 443

/**
 * Whether a destination is on a list of `host`, `host:port` and `*.domain`. Without a port an entry means 443. A name
 * matches as a whole; `*.` stands for one or more labels in front and not for the domain itself.
 */
export function createAllowlist(entries: readonly string[]): (destination: Destination) => boolean {
  const rules = entries.flatMap((entry) => {
    const below = entry.startsWith('*.')
    const destination = destinationOf(below ? entry.slice(2) : entry, USUAL_PORT)
    return destination ? [{ ...destination, below }] : []
  })
  return ({ host, port }) =>
    rules.some((rule) => rule.port === port && (rule.below ? host.endsWith(`.${rule.host}`) : host === rule.host))
}
