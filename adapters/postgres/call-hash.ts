import { createHash } from 'node:crypto'

/** SHA-256 over the name and the arguments of a call, hex; the order of keys means nothing. */
export const callHash = ({ name, args }: { readonly name: string; readonly args: unknown }): string =>
  createHash('sha256').update(canonical({ name, args })).digest('hex')

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${canonical(held)}`).join(',')}}`
}
