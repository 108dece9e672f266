import type { ApprovalMode } from './task.ts'

/** What may be done with a tool call. */
export type Decision = 'allow' | 'ask' | 'deny'

/** What a tool can touch. `outside` leaves the sandbox (network, MCP tools that are not read-only). */
export type ToolEffect = 'none' | 'edit' | 'command' | 'outside'

const TABLE: Readonly<Record<ApprovalMode, Readonly<Record<ToolEffect, Decision>>>> = {
  sandboxed: { none: 'allow', edit: 'allow', command: 'allow', outside: 'ask' },
  default: { none: 'allow', edit: 'ask', command: 'ask', outside: 'ask' },
  auto_edit: { none: 'allow', edit: 'allow', command: 'ask', outside: 'ask' },
  plan: { none: 'allow', edit: 'deny', command: 'deny', outside: 'deny' },
  yolo: { none: 'allow', edit: 'allow', command: 'allow', outside: 'allow' },
}

/** Decides over one call. A task of high risk that would run `sandboxed` runs as `default`. */
export function decide(call: {
  readonly mode: ApprovalMode
  readonly risk: 'low' | 'medium' | 'high'
  readonly effect: ToolEffect
}): Decision {
  const mode = call.mode === 'sandboxed' && call.risk === 'high' ? 'default' : call.mode
  return TABLE[mode][call.effect]
}
