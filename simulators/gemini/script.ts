import { fillSchema } from './json-schema.ts'
import { declarationsOf, responsesOf, textOf, wantsJson } from './request.ts'
import type { Content, FunctionDeclaration, FunctionResponse, GenerateContentBody } from './request.ts'

/** What may go wrong with an answer, by name. The README says what each does. */
export const FAULTS = [
  'overloaded',
  'rate-limited',
  'quota-exhausted',
  'internal',
  'hang',
  'reset',
  'cut',
  'stream-error',
  'empty',
  'no-candidates',
  'blocked',
  'safety',
  'max-tokens',
  'malformed-call',
  'not-json',
] as const

export type Fault = (typeof FAULTS)[number]

/** Token counts a turn reports instead of the counted ones. Totals are added up from them. */
export interface ScriptedUsage {
  promptTokenCount: number
  cachedContentTokenCount: number
  candidatesTokenCount: number
  thoughtsTokenCount: number
  toolUsePromptTokenCount: number
}

/** One answer of the scripted model: text, calls, or both. */
export interface ScriptedTurn {
  text?: string | undefined
  /** Told only to a client that includes thoughts. */
  thought?: string | undefined
  calls?: { name: string; args: Record<string, unknown> }[] | undefined
  finishReason?: string | undefined
  usage?: { [Count in keyof ScriptedUsage]?: number | undefined } | undefined
  fault?: Fault | undefined
  /** How often the fault happens before the turn is answered properly; every time without it. */
  faultTimes?: number | undefined
  /** Plays this turn only when the last function responses contain the text, else the other one. */
  when?: { lastResponseContains: string; otherwise: ScriptedTurn } | undefined
}

/** What the model does for the requests whose user text contains `match`. */
export interface ScriptedTask {
  /** `''` matches every request; the first task that matches plays. */
  match: string
  /** The answer to a JSON request; required fields it leaves out are made up from the request's schema. */
  understanding?: Record<string, unknown> | undefined
  /** Turn k answers the request that already holds k model contents; after the last: `Done.` */
  turns: ScriptedTurn[]
}

export interface GeminiScript {
  tasks: ScriptedTask[]
}

/** What a model written in code gets to see of a request. */
export interface ModelRequest {
  readonly model: string
  readonly verb: 'generateContent' | 'streamGenerateContent'
  readonly contents: readonly Content[]
  /** The text of the system instruction, empty without one. */
  readonly systemInstruction: string
  /** The declared functions of all tools. */
  readonly tools: readonly FunctionDeclaration[]
  readonly wantsJson: boolean
  /** `responseJsonSchema`, or `responseSchema` in its place. */
  readonly responseJsonSchema: unknown
  /** How many model contents the request already holds. */
  readonly turn: number
  /** All texts of the user, a line each. */
  readonly text: string
  /** The answers to the last turn's calls, empty without calls. */
  readonly lastResponses: readonly { name: string; response: Record<string, unknown> }[]
}

/** A model in code: a pure function of the request. Without `text` a JSON request is answered from its schema. */
export type ScriptedModel = (request: ModelRequest) => ScriptedTurn

/** The turn to play, and the task of the script it belongs to. */
export interface Play {
  readonly turn: ScriptedTurn
  readonly taskMatch?: string
}

/** Says what the scripted model does with a request. */
export type Player = (request: ModelRequest) => Play

const DONE: ScriptedTurn = { text: 'Done.' }

/** Turns a script or a model in code into a player. */
export function playerOf(script: GeminiScript | ScriptedModel): Player {
  const play = typeof script === 'function' ? playModel(script) : playScript(script)
  return (request) => {
    const { turn, ...rest } = play(request)
    return { turn: answerJson(request, chooseTurn(turn, request)), ...rest }
  }
}

const playModel =
  (model: ScriptedModel): Player =>
  (request) => ({ turn: model(request) })

const playScript =
  ({ tasks }: GeminiScript): Player =>
  (request) => {
    const task = tasks.find(({ match }) => request.text.includes(match))
    if (!task) return { turn: request.wantsJson ? {} : DONE }
    const turn = request.wantsJson
      ? { text: JSON.stringify(fillSchema(request.responseJsonSchema, task.understanding)) }
      : (task.turns[request.turn] ?? DONE)
    return { turn, taskMatch: task.match }
  }

function chooseTurn(turn: ScriptedTurn, request: ModelRequest): ScriptedTurn {
  if (!turn.when) return turn
  const said = request.lastResponses.map(({ response }) => leavesOf(response).join('\n')).join('\n')
  return said.includes(turn.when.lastResponseContains) ? turn : chooseTurn(turn.when.otherwise, request)
}

const answerJson = (request: ModelRequest, turn: ScriptedTurn): ScriptedTurn =>
  request.wantsJson && turn.text === undefined && !turn.calls?.length
    ? { ...turn, text: JSON.stringify(fillSchema(request.responseJsonSchema)) }
    : turn

/** Every value inside a response, so that a script need not know how it is wrapped or escaped. */
function leavesOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)]
  return Object.values(value).flatMap(leavesOf)
}

/** Reads a checked request the way a scripted model sees it. */
export function modelRequestOf(request: {
  body: GenerateContentBody
  model: string
  verb: ModelRequest['verb']
}): ModelRequest {
  const { body, model, verb } = request
  const { contents, generationConfig, systemInstruction } = body
  const lastModel = contents.findLastIndex(({ role }) => role === 'model')
  return {
    model,
    verb,
    contents,
    systemInstruction: textOf(systemInstruction),
    tools: declarationsOf(body),
    wantsJson: wantsJson(body),
    responseJsonSchema: generationConfig?.responseJsonSchema ?? generationConfig?.responseSchema,
    turn: contents.filter(({ role }) => role === 'model').length,
    text: userText(contents),
    lastResponses: responsesOf(contents[lastModel + 1]).map(namedResponse),
  }
}

const userText = (contents: readonly Content[]): string =>
  contents
    .filter(({ role }) => role !== 'model')
    .flatMap(({ parts }) => parts.flatMap(({ text }) => text ?? []))
    .join('\n')

const namedResponse = ({ name = '', response = {} }: FunctionResponse) => ({ name, response })
