import type { ToolEffect } from '../policy.ts'

/** What the gateway must know of a tool to route and judge a call of it. */
export interface Tool {
  readonly name: string
  /** `human`: a person answers; `sandbox`: runs on the workspace; `record`: only stands in the task's record. */
  readonly kind: 'sandbox' | 'human' | 'record'
  readonly effect: ToolEffect
}

/** The Builder's own tools, with the names models know from gemini-cli. */
export const TOOLS = [
  { name: 'read_file', kind: 'sandbox', effect: 'none' },
  { name: 'read_many_files', kind: 'sandbox', effect: 'none' },
  { name: 'list_directory', kind: 'sandbox', effect: 'none' },
  { name: 'glob', kind: 'sandbox', effect: 'none' },
  { name: 'grep_search', kind: 'sandbox', effect: 'none' },
  { name: 'write_file', kind: 'sandbox', effect: 'edit' },
  { name: 'replace', kind: 'sandbox', effect: 'edit' },
  { name: 'run_shell_command', kind: 'sandbox', effect: 'command' },
  { name: 'write_todos', kind: 'record', effect: 'none' },
  { name: 'save_memory', kind: 'record', effect: 'none' },
  { name: 'ask_user', kind: 'human', effect: 'none' },
  { name: 'complete_task', kind: 'record', effect: 'none' },
] as const satisfies readonly Tool[]

export type ToolName = (typeof TOOLS)[number]['name']

/** Older names models still use. */
const ALIASES: ReadonlyMap<string, ToolName> = new Map([['search_file_content', 'grep_search']])

/** The name by which a call is judged, shown and run; a name that is no alias stays as it is. */
export const canonicalName = (name: string): string => ALIASES.get(name) ?? name

/** Every name of a tool: a rule may be written with any. */
export function namesOf(name: string): readonly string[] {
  const canonical = canonicalName(name)
  return [canonical, ...[...ALIASES].filter(([, known]) => known === canonical).map(([alias]) => alias)]
}

/** The tool of a name or an alias of it; undefined when there is none. */
export function toolNamed(name: string): (Tool & { readonly name: ToolName }) | undefined {
  const known = canonicalName(name)
  return TOOLS.find((tool) => tool.name === known)
}

/**
 * What a call can touch. A command of a task with a network may use it unless the call itself does without: so the
 * model can keep what needs none from being asked about.
 */
export function effectOf(call: {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
  readonly network: 'none' | 'allowlist'
}): ToolEffect {
  const effect = toolNamed(call.name)?.effect ?? 'none'
  return effect === 'command' && call.network === 'allowlist' && call.args['network'] !== false ? 'network' : effect
}
