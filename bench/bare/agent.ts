/** The least an agent can be: a conversation with the model over plain HTTP. */

interface Part {
  readonly text?: string
  readonly thoughtSignature?: string
  readonly functionCall?: {
    readonly id?: string
    readonly name: string
    readonly args: Readonly<Record<string, string>>
  }
}
export type Call = NonNullable<Part['functionCall']>
export interface Forgetting {
  readonly aboveBytes: number
  readonly keepsBytes: number
}

const MODEL = 'gemini-3.1-pro-preview'
const TOOLS = ['read_file', 'write_file', 'replace', 'run_shell_command', 'write_todos', 'complete_task']
const DECLARATIONS = TOOLS.map((name) => ({
  name,
  description: name,
  parametersJsonSchema: { type: 'object', properties: {} },
}))

/** One conversation with the scripted model. */
export class BareConversation {
  private readonly contents: object[]

  constructor(
    private readonly url: string,
    private readonly prompt: string,
  ) {
    this.contents = [{ role: 'user', parts: [{ text: prompt }] }]
  }

  /** The call that precedes the work: what is asked? */
  async understand(): Promise<void> {
    const contents = [{ role: 'user', parts: [{ text: this.prompt }] }]
    const schema = { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] }
    const generationConfig = { responseMimeType: 'application/json', responseJsonSchema: schema }
    await this.post({ contents, generationConfig })
  }

  /** Asks for the next turn; gives its calls. */
  async next(): Promise<readonly Call[]> {
    const answer = await this.post({ contents: this.contents, tools: [{ functionDeclarations: DECLARATIONS }] })
    const parts = answer.candidates[0]?.content.parts ?? []
    this.contents.push({ role: 'model', parts })
    return parts.flatMap(({ functionCall }) => functionCall ?? [])
  }

  /** Gives the model what its calls came to. */
  respond(answered: readonly { readonly call: Call; readonly output: string }[]): void {
    const parts = answered.map(({ call: { id, name }, output }) => ({
      functionResponse: { id, name, response: { output } },
    }))
    this.contents.push({ role: 'user', parts })
  }

  /** Lets the oldest turns go when the conversation is too long. */
  forget({ aboveBytes, keepsBytes }: Forgetting): void {
    const [, ...turns] = this.contents
    if (sizeOf(turns) <= aboveBytes) return
    // The model's words and what it was told in return leave together.
    while (sizeOf(turns) > keepsBytes) turns.splice(0, 2)
    this.contents.splice(1, Infinity, ...turns)
  }

  private async post(body: object): Promise<{ candidates: { content: { parts: Part[] } }[] }> {
    const response = await fetch(`${this.url}/v1beta/models/${MODEL}:generateContent`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-goog-api-key': 'bench' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`the simulator refused the bare agent: ${await response.text()}`)
    return (await response.json()) as { candidates: { content: { parts: Part[] } }[] }
  }
}

const sizeOf = (contents: readonly object[]): number => Buffer.byteLength(JSON.stringify(contents))
