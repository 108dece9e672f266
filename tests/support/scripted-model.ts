import type { ModelPart } from '../../domain/conversation.ts'
import type { ModelAnswer, ModelClient, ModelRequest } from '../../domain/ports/model.ts'

/** An answer, a failure, or what makes one of them of the request. */
type Scripted = ModelAnswer | Error | ((request: ModelRequest) => ModelAnswer | Promise<ModelAnswer>)

/** A model that says what a test wrote down, in order, and keeps what it was asked. */
export class ScriptedModel implements ModelClient {
  readonly requests: ModelRequest[] = []
  private readonly script: Scripted[] = []

  /** Adds to the script. */
  will(...answers: readonly Scripted[]): void {
    this.script.push(...answers)
  }

  async generate(request: ModelRequest): Promise<ModelAnswer> {
    this.requests.push(request)
    const next = this.script.shift()
    if (next === undefined) throw new Error('The model was asked once more than the script foresees.')
    if (next instanceof Error) throw next
    return typeof next === 'function' ? next(request) : next
  }
}

/** What every answer of a test uses; at list prices 0.00112 US dollars. */
export const USAGE = { inputTokens: 500, outputTokens: 8, thoughtTokens: 2, cachedTokens: 0 }
export const ANSWER_USD = 0.00112

export const answer = (parts: readonly ModelPart[], overrides: Partial<ModelAnswer> = {}): ModelAnswer => ({
  ...{ model: 'gemini-3.1-pro-preview', parts, finishReason: 'STOP', usage: USAGE },
  ...overrides,
})

export const says = (text: string): ModelAnswer => answer([{ text }])

export type Call = readonly [name: string, args?: Record<string, unknown>]

/** An answer that calls tools, in one turn; `call-0` is the first. */
export const calls = (...all: readonly Call[]): ModelAnswer =>
  answer(all.map(([name, args = {}], place) => ({ functionCall: { id: `call-${place}`, name, args } })))

export const runs = (command: string): ModelAnswer => calls(['run_shell_command', { command }])
