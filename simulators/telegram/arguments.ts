import { badRequest } from './refusal.ts'

/** A file that came with a call. */
export interface UploadedFile {
  readonly name: string
  readonly type: string
  readonly bytes: Buffer
}

const INT32_MAX = 2_147_483_647

/** The parameters of a call: all are text to the service, however they came. */
export class CallArguments {
  private readonly read = new Set<string>()

  constructor(
    private readonly texts: ReadonlyMap<string, string>,
    private readonly files: ReadonlyMap<string, UploadedFile> = new Map(),
  ) {}

  /** The parameters as the ledger keeps them; files by name. */
  get noted(): Record<string, string> {
    const files = [...this.files].map(([name, file]) => [name, `<${file.name}, ${file.bytes.length} bytes>`])
    return Object.fromEntries([...this.texts, ...files]) as Record<string, string>
  }

  /** Parameters that no check has looked at: the method does not have them. */
  get strays(): string[] {
    return [...this.texts.keys(), ...this.files.keys()].filter((name) => !this.read.has(name))
  }

  /** Marks parameters as known to the method although nothing depends on them here. */
  accept(...names: readonly string[]): void {
    for (const name of names) this.read.add(name)
  }

  /** Empty when it is absent. */
  text(name: string): string {
    this.read.add(name)
    return this.texts.get(name) ?? ''
  }

  /** Absent or wrong is 0, as the service reads it. */
  integer(name: string): number {
    const number = Number.parseInt(this.text(name), 10)
    return Number.isSafeInteger(number) ? number : 0
  }

  /** Within the bounds, whatever was asked for. */
  bounded(name: string, { least, most, otherwise }: { least: number; most: number; otherwise: number }): number {
    const number = this.text(name) === '' ? otherwise : this.integer(name)
    return Math.min(Math.max(number, least), most)
  }

  flag(name: string): boolean {
    return ['true', 'yes', '1'].includes(this.text(name).toLowerCase())
  }

  /** The id of a message; 0 when there is none that could be one. */
  messageId(name = 'message_id'): number {
    const id = this.integer(name)
    return id > 0 && id <= INT32_MAX ? id : 0
  }

  /** A parameter that is JSON inside; undefined when it is absent. */
  json(name: string, what: string): unknown {
    const text = this.text(name)
    if (text === '') return undefined
    try {
      return JSON.parse(text)
    } catch {
      throw badRequest(`Can't parse ${what} JSON object`)
    }
  }

  /** A parameter whose JSON the service ignores when it cannot read it: then it counts as a stray. */
  looseJson(name: string): unknown {
    try {
      const value: unknown = JSON.parse(this.texts.get(name) ?? '')
      this.read.add(name)
      return value
    } catch {
      return undefined
    }
  }

  /** An uploaded file, directly or by `attach://`. */
  file(name: string): UploadedFile | undefined {
    const attached = /^attach:\/\/(.+)$/.exec(this.text(name))?.[1]
    if (attached !== undefined) this.read.add(attached)
    return this.files.get(attached ?? name)
  }
}

/** Reads the parameters of a call from its address and its body: query, form, multipart or JSON. */
export async function readArguments(request: {
  readonly query: URLSearchParams
  readonly type: string
  readonly body: Buffer
}): Promise<CallArguments> {
  const texts = new Map<string, string>(request.query)
  const files = new Map<string, UploadedFile>()
  if (request.body.length === 0) return new CallArguments(texts)
  if (/^application\/json\b/i.test(request.type)) readJson(request.body, texts)
  else if (/^multipart\/form-data\b/i.test(request.type)) await readMultipart(request, texts, files)
  else for (const [name, value] of new URLSearchParams(request.body.toString('utf8'))) texts.set(name, value)
  return new CallArguments(texts, files)
}

function readJson(body: Buffer, texts: Map<string, string>): void {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    throw badRequest("Can't parse request body as a JSON object")
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw badRequest("Can't parse request body as a JSON object")
  for (const [name, value] of Object.entries(parsed)) {
    if (value === null || value === undefined) continue
    texts.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
}

async function readMultipart(
  { type, body }: { type: string; body: Buffer },
  texts: Map<string, string>,
  files: Map<string, UploadedFile>,
): Promise<void> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } })
    .formData()
    .catch((): never => {
      throw badRequest("Can't parse multipart/form-data")
    })
  for (const [name, value] of form) {
    if (typeof value === 'string') texts.set(name, value)
    else files.set(name, { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) })
  }
}
