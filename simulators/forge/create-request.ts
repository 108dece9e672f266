import { invalid, Refusal, type Fault422, type ForgeKind } from './problems.ts'

/** A pull request as a client wants it. */
export interface CreateRequest {
  readonly title: string
  readonly head: string
  readonly base: string
  readonly body: string
}

const GITHUB_FIELDS: Readonly<Record<string, 'string' | 'boolean'>> = {
  ...{ title: 'string', head: 'string', base: 'string', body: 'string' },
  ...{ draft: 'boolean', maintainer_can_modify: 'boolean' },
}
const MAX_TITLE = { github: 256, gitea: 255 }
const MAX_BODY = 65_536

/** Reads the body of a creation; `strays` are fields Gitea does not know and ignores. */
export function readCreateRequest(
  bytes: Buffer,
  kind: ForgeKind,
): { readonly request: CreateRequest; readonly strays: readonly string[] } {
  const fields = objectIn(bytes)
  const strays = Object.keys(fields).filter((name) => GITHUB_FIELDS[name] === undefined)
  if (kind === 'github') checkShape(fields, strays)
  const { title, head, base, body = '' } = fields
  for (const [name, value] of Object.entries({ title, head, base, body }))
    if (typeof value !== 'string') throw new Refusal(422, `[${name}]: Required`)
  const request = { title, head, base, body } as CreateRequest
  const faults = lengthFaults(request, kind)
  if (faults.length > 0) throw invalid(...faults)
  return { request, strays }
}

function objectIn(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch {
    throw new Refusal(400, 'Problems parsing JSON')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Refusal(400, 'Body should be a JSON object')
}

/** GitHub compares the body with its schema before it looks at anything else. */
function checkShape(fields: Readonly<Record<string, unknown>>, strays: readonly string[]): void {
  const missing = ['head', 'base', 'title'].filter((name) => fields[name] === undefined)
  const faults = [
    ...missing.map((name) => `"${name}" wasn't supplied.`),
    ...strays.map((name) => `"${name}" is not a permitted key.`),
    ...Object.entries(GITHUB_FIELDS).flatMap(([name, type]) => {
      const value = fields[name]
      const fits = value === undefined || typeof value === type || (name === 'body' && value === null)
      return fits ? [] : [`For 'properties/${name}', ${JSON.stringify(value)} is not a ${type}.`]
    }),
  ]
  if (faults.length > 0) throw new Refusal(422, `Invalid request.\n\n${faults.join('\n')}`)
}

function lengthFaults({ title, body }: CreateRequest, kind: ForgeKind): readonly Fault422[] {
  const tooLong = (field: string, most: number): Fault422 => ({
    ...{ resource: 'Issue', code: 'custom', field },
    message: `${field} is too long (maximum is ${most} characters)`,
  })
  return [
    ...(title.trim() === '' ? [{ resource: 'Issue', code: 'missing_field', field: 'title' } as const] : []),
    ...([...title].length > MAX_TITLE[kind] ? [tooLong('title', MAX_TITLE[kind])] : []),
    ...([...body].length > MAX_BODY ? [tooLong('body', MAX_BODY)] : []),
  ]
}
