import { z } from 'zod'
import type { PolicyRule } from '../policy.ts'

const words = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).transform((value) => [value].flat())

const pattern = z.string().transform((text, context) => {
  try {
    return new RegExp(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
    return z.NEVER
  }
})

const mode = z.preprocess(
  (name) => (name === 'autoEdit' ? 'auto_edit' : name),
  z.enum(['sandboxed', 'default', 'auto_edit', 'plan', 'yolo']),
)

const ruleSchema = z
  .strictObject({
    toolName: words.optional(),
    mcpName: z.string().min(1).optional(),
    commandPrefix: words.optional(),
    argsPattern: pattern.optional(),
    decision: z.enum(['allow', 'deny', 'ask_user']),
    priority: z.int().min(0).max(999),
    modes: z.array(mode).min(1).optional(),
  })
  .refine(
    ({ commandPrefix, toolName }) =>
      commandPrefix === undefined || toolName === undefined || toolName.includes('run_shell_command'),
    { path: ['commandPrefix'], message: 'only run_shell_command has commands' },
  )

/** Contents of `POLICY_FILE`: gemini-cli's `[[rule]]` tables. Unknown fields are refused: a typo must not widen a rule. */
export const policyFileSchema = z.strictObject({ rule: z.array(ruleSchema).optional() }).transform(({ rule = [] }) =>
  rule.map((entry): PolicyRule => ({
    decision: entry.decision === 'ask_user' ? 'ask' : entry.decision,
    priority: entry.priority,
    tools: toolsOf(entry),
    commandPrefixes: (entry.commandPrefix ?? []).map((prefix) => prefix.trim().replace(/\s+/g, ' ')),
    modes: entry.modes ?? [],
    ...(entry.argsPattern && { argsPattern: entry.argsPattern }),
  })),
)

function toolsOf({ toolName, mcpName, commandPrefix }: z.output<typeof ruleSchema>): readonly string[] {
  if (mcpName !== undefined) return (toolName ?? ['*']).map((name) => `mcp_${mcpName}_${name}`)
  return toolName ?? (commandPrefix ? ['run_shell_command'] : [])
}
