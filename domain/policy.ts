import { splitCommand } from './shell-command.ts'
import type { ApprovalMode } from './task.ts'
import { namesOf } from './tools/tools.ts'

/** What may be done with a tool call. */
export type Decision = 'allow' | 'ask' | 'deny'

/** What a tool can touch. `network` (a command that may reach allowed hosts) and `outside` leave the sandbox. */
export type ToolEffect = 'none' | 'edit' | 'command' | 'network' | 'outside'

const TABLE: Readonly<Record<ApprovalMode, Readonly<Record<ToolEffect, Decision>>>> = {
  sandboxed: { none: 'allow', edit: 'allow', command: 'allow', network: 'ask', outside: 'ask' },
  default: { none: 'allow', edit: 'ask', command: 'ask', network: 'ask', outside: 'ask' },
  auto_edit: { none: 'allow', edit: 'allow', command: 'ask', network: 'ask', outside: 'ask' },
  plan: { none: 'allow', edit: 'deny', command: 'deny', network: 'deny', outside: 'deny' },
  yolo: { none: 'allow', edit: 'allow', command: 'allow', network: 'allow', outside: 'allow' },
}

/** An operator's rule. All of its conditions must hold; the one of the highest priority decides, then the first. */
export interface PolicyRule {
  readonly decision: Decision
  readonly priority: number
  /** Names of tools, aliases too; `*` stands for any text. None: every tool. */
  readonly tools: readonly string[]
  /** Words a shell command begins with. */
  readonly commandPrefixes: readonly string[]
  /** Of the arguments as JSON. */
  readonly argsPattern?: RegExp
  /** None: in every mode. */
  readonly modes: readonly ApprovalMode[]
}

export interface JudgedCall {
  readonly mode: ApprovalMode
  readonly risk: 'low' | 'medium' | 'high'
  readonly effect: ToolEffect
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

/**
 * Decides over one call: by the operator's rules, else by the mode. A task of high risk that would run `sandboxed`
 * runs as `default`. Nothing is looser than `plan`, which only reads.
 */
export function decide(call: JudgedCall, rules: readonly PolicyRule[] = []): Decision {
  const mode = call.mode === 'sandboxed' && call.risk === 'high' ? 'default' : call.mode
  const usual = TABLE[mode][call.effect]
  if (usual === 'deny') return 'deny'
  return strictest(partsOf(call).map((part) => ruleFor({ ...part, mode }, rules)?.decision ?? usual))
}

/** A chain of commands is judged command by command; what cannot be taken apart is judged as one unknown command. */
function partsOf(call: JudgedCall): readonly JudgedPart[] {
  const { command } = call.args
  const isCommand = call.effect === 'command' || call.effect === 'network'
  if (!isCommand || typeof command !== 'string') return [{ ...call, commandLine: undefined }]
  const commands = splitCommand(command)
  if (commands === undefined) return [{ ...call, commandLine: undefined, opaque: command }]
  return commands.map((commandLine) => ({ ...call, commandLine }))
}

type JudgedPart = Omit<JudgedCall, 'risk' | 'effect'> & {
  readonly commandLine: string | undefined
  /** A command nobody can take apart: rules about commands can only forbid it, by any of its words. */
  readonly opaque?: string
}

const ORDER: readonly Decision[] = ['allow', 'ask', 'deny']
const strictest = (decisions: readonly Decision[]): Decision =>
  decisions.reduce((one, other) => (ORDER.indexOf(other) > ORDER.indexOf(one) ? other : one), 'allow')

function ruleFor(part: JudgedPart, rules: readonly PolicyRule[]): PolicyRule | undefined {
  return rules
    .filter((rule) => applies(rule, part))
    .reduce<PolicyRule | undefined>((best, rule) => (best && best.priority >= rule.priority ? best : rule), undefined)
}

function applies(rule: PolicyRule, part: JudgedPart): boolean {
  return (
    (rule.modes.length === 0 || rule.modes.includes(part.mode)) &&
    (rule.tools.length === 0 ||
      namesOf(part.name).some((name) => rule.tools.some((pattern) => isNamed(pattern, name)))) &&
    (rule.argsPattern === undefined || rule.argsPattern.test(JSON.stringify(part.args))) &&
    (rule.commandPrefixes.length === 0 || rule.commandPrefixes.some((prefix) => begins(prefix, rule.decision, part)))
  )
}

const isNamed = (pattern: string, name: string): boolean =>
  pattern.split('*').length === 1
    ? pattern === name
    : new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 's').test(name)

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** By whole words: `git` begins `git push`, not `gitk`. */
function begins(prefix: string, decision: Decision, { commandLine, opaque }: JudgedPart): boolean {
  if (opaque !== undefined)
    return decision !== 'allow' && new RegExp(`(^|[^\\w.-])${escaped(prefix)}($|[^\\w.-])`).test(opaque)
  return commandLine !== undefined && (commandLine === prefix || commandLine.startsWith(`${prefix} `))
}
