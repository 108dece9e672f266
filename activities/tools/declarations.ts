import type { ToolDeclaration } from '../../domain/ports/model.ts'
import { argumentsSchema } from '../../domain/schemas/tool-arguments.ts'
import type { ApprovalMode } from '../../domain/task.ts'
import { TOOLS, type ToolName } from '../../domain/tools/tools.ts'

const DESCRIPTIONS: Readonly<Record<ToolName, string>> = {
  read_file: 'Read a text file, whole or some lines.',
  read_many_files: 'Read several text files at once.',
  list_directory: 'List a directory.',
  glob: 'Find files by glob.',
  grep_search: 'Search file contents by regular expression.',
  write_file: 'Write a whole file, creating directories.',
  replace: 'Replace exact text in a file. An empty old_string creates the file.',
  run_shell_command: 'Run a bash command in the workspace. Background processes end with it.',
  write_todos: 'Show your plan. Send the whole list each time.',
  save_memory: 'Remember a lasting fact about the user or the project.',
  ask_user: 'Ask the requester and wait for the answer.',
  complete_task: 'End the work. An independent verifier then checks it.',
}

const DECLARATIONS: readonly ToolDeclaration[] = TOOLS.map(({ name }) => ({
  name,
  description: DESCRIPTIONS[name],
  parametersJsonSchema: argumentsSchema(name),
}))

/** A task without a network has no choice to make, and its every request does not pay for the words. */
const WITHOUT_NETWORK = DECLARATIONS.map((declaration) => {
  const { properties, ...schema } = declaration.parametersJsonSchema as { readonly properties?: object }
  const { network, ...others } = { network: undefined, ...properties }
  return { ...declaration, parametersJsonSchema: { ...schema, properties: others } }
})

const READ_ONLY = WITHOUT_NETWORK.filter(
  ({ name }) => !TOOLS.some((tool) => tool.name === name && (tool.effect === 'edit' || tool.effect === 'command')),
)

/** What the model may call: in `plan` mode only what reads. */
export function declarationsFor(task: {
  readonly approvalMode: ApprovalMode
  readonly network?: 'none' | 'allowlist'
}): readonly ToolDeclaration[] {
  if (task.approvalMode === 'plan') return READ_ONLY
  return task.network === 'allowlist' ? DECLARATIONS : WITHOUT_NETWORK
}
