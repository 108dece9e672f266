import type { ModelContent, ModelPart } from './conversation.ts'
import type { PlanItem } from './task.ts'

/** A turn as it leaves the conversation: what the model sent, and what it was told in return. */
export interface PastTurn {
  readonly number: number
  readonly parts: readonly ModelPart[]
  readonly responses: readonly { readonly name: string; readonly response: Readonly<Record<string, unknown>> }[]
  /** Text that stood before the turn. */
  readonly messages: readonly string[]
}

/** What stays of turns the model is no longer shown. */
export interface StateSnapshot {
  /** The last turn it covers. */
  readonly throughTurn: number
  readonly changed: readonly string[]
  readonly read: readonly string[]
  /** What the requester and the verifier said. */
  readonly said: readonly string[]
  /** What the model said, and what its commands came to; oldest first. */
  readonly history: readonly string[]
}

/** A file, a message and an event are remembered by so many; the oldest give way. */
const KEPT = { changed: 200, read: 100, said: 20, history: 120 } as const
const LINE = 300
const MESSAGE = 2_000

const CHANGES = new Set(['write_file', 'replace'])
const READS = new Set(['read_file', 'list_directory'])
const PLANS = new Set(['write_todos'])

/** A snapshot that also covers these turns. Made from the record alone: no model is asked, so nothing is invented. */
export function extendSnapshot(before: StateSnapshot | undefined, turns: readonly PastTurn[]): StateSnapshot {
  const calls = turns.flatMap(callsOf)
  const paths = (names: ReadonlySet<string>) =>
    calls
      .filter(({ name, ok }) => ok && names.has(name))
      .map(({ args }) => String(args['file_path'] ?? args['dir_path']))
  const merged = (known: readonly string[] = [], added: readonly string[], kept: number) =>
    [...new Set([...known, ...added].toReversed())].slice(0, kept).toReversed()
  const history = turns.flatMap((turn) => [
    ...wordsOf(turn).map((words) => `turn ${turn.number}: ${shortened(words, LINE)}`),
    ...callsOf(turn)
      .filter(({ name }) => !PLANS.has(name))
      .map(
        (call) => `turn ${turn.number}: ${shortened(`${call.name} ${JSON.stringify(call.args)}`, LINE)} → ${call.came}`,
      ),
  ])
  const said = turns.flatMap(({ messages }) => messages.map((text) => shortened(text, MESSAGE)))
  return {
    throughTurn: turns.at(-1)?.number ?? before?.throughTurn ?? 0,
    changed: merged(before?.changed, paths(CHANGES), KEPT.changed),
    read: merged(before?.read, paths(READS), KEPT.read),
    said: [...(before?.said ?? []), ...said].slice(-KEPT.said),
    history: [...(before?.history ?? []), ...history].slice(-KEPT.history),
  }
}

/** The snapshot as the model reads it, in the place of the turns it covers. */
export function snapshotContent(snapshot: StateSnapshot, plan: readonly PlanItem[]): ModelContent {
  const section = (name: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`<${name}>`, ...lines, `</${name}>`]
  const text = [
    `Turns 1 to ${snapshot.throughTurn} of this conversation are left out. Their state, from the record:`,
    '<state_snapshot>',
    ...section(
      'plan',
      plan.map(({ text: step, status }) => `- [${status}] ${step}`),
    ),
    ...section('files_changed', snapshot.changed),
    ...section('files_read', snapshot.read),
    ...section('messages', snapshot.said),
    ...section('history', snapshot.history),
    '</state_snapshot>',
    'Read a file again when you need its text.',
  ].join('\n')
  return { role: 'user', parts: [{ text }] }
}

/** How many of the oldest turns leave, so that those that stay are no larger than `keepBytes`; the last one stays. */
export function turnsToLeave(sizes: readonly number[], keepBytes: number): number {
  let kept = 0
  let first = sizes.length - 1
  for (let index = sizes.length - 1; index >= 0; index--) {
    kept += sizes[index] ?? 0
    if (kept > keepBytes) break
    first = index
  }
  return Math.max(0, first)
}

interface PastCall {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  readonly ok: boolean
  /** The end of what it came to: it says most. */
  readonly came: string
}

function callsOf({ parts, responses }: PastTurn): readonly PastCall[] {
  return parts
    .flatMap(({ functionCall }) => functionCall ?? [])
    .map(({ name = '', args = {} }, index) => {
      const response = responses[index]?.response ?? {}
      const said = response['output'] ?? response['error']
      const came = typeof said === 'string' ? said : JSON.stringify(response)
      return { name, args, ok: response['error'] === undefined, came: lastWordsOf(came) }
    })
}

const wordsOf = ({ parts }: PastTurn): readonly string[] =>
  parts.flatMap(({ text, thought }) => (thought !== true && text !== undefined && text.trim() !== '' ? [text] : []))

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

function shortened(text: string, length: number): string {
  const line = oneLine(text)
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}

function lastWordsOf(text: string): string {
  const line = oneLine(text)
  return line.length <= LINE ? line : `…${line.slice(1 - LINE)}`
}
