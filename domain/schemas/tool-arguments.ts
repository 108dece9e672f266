import { z } from 'zod'
import type { ToolName } from '../tools/tools.ts'

const path = z.string().min(1)
const pattern = z.string().min(1)
const line = z.int().min(1)

/** Arguments of every tool. Unknown ones are ignored: models add some, and nothing is lost by it. */
export const TOOL_ARGUMENTS = {
  read_file: z.object({
    file_path: path,
    start_line: line.optional().describe('From 1.'),
    end_line: line.optional().describe('Inclusive.'),
  }),
  read_many_files: z.object({
    include: z.array(pattern).min(1).describe('Globs or paths.'),
    exclude: z.array(pattern).optional(),
  }),
  list_directory: z.object({ dir_path: path }),
  glob: z.object({ pattern, dir_path: path.optional() }),
  grep_search: z.object({
    pattern: pattern.describe('Regular expression.'),
    dir_path: path.optional(),
    include_pattern: pattern.optional().describe('Glob of files to search.'),
  }),
  write_file: z.object({ file_path: path, content: z.string() }),
  replace: z.object({
    file_path: path,
    old_string: z.string().describe('Exact text, with enough lines around it to be unique.'),
    new_string: z.string(),
    allow_multiple: z.boolean().optional().describe('Replace every occurrence.'),
  }),
  run_shell_command: z.object({
    command: z.string().min(1),
    description: z.string().optional(),
    dir_path: path.optional(),
    network: z.boolean().optional().describe('false: run without the network; nobody is asked for its sake.'),
  }),
  write_todos: z.object({
    todos: z.array(
      z.object({
        description: z.string(),
        status: z.enum(['pending', 'in_progress', 'completed', 'cancelled']),
      }),
    ),
  }),
  save_memory: z.object({ fact: z.string().min(1) }),
  ask_user: z.object({ question: z.string().min(1) }),
  complete_task: z.object({ summary: z.string().min(1).describe('What was done and how it was checked.') }),
} as const satisfies Record<ToolName, z.ZodObject>

export type ToolArguments<Name extends ToolName> = z.output<(typeof TOOL_ARGUMENTS)[Name]>

/** JSON Schema of a tool's arguments as models are told it. */
export function argumentsSchema(name: ToolName): Readonly<Record<string, unknown>> {
  const { $schema, additionalProperties, ...schema } = z.toJSONSchema(TOOL_ARGUMENTS[name], { io: 'input' })
  return withoutBounds(schema) as Readonly<Record<string, unknown>>
}

/** Bounds are checked here and explained when broken; every request would pay for their words. */
function withoutBounds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutBounds)
  if (typeof schema !== 'object' || schema === null) return schema
  const dropped = ['minLength', 'minItems', 'minimum', 'maximum', 'additionalProperties']
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !dropped.includes(key))
      .map(([key, value]) => [key, withoutBounds(value)]),
  )
}
