import { GatewayError } from '../../domain/errors.ts'
import type { EgressDoor } from '../../domain/ports/egress.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import type { ToolCall } from '../../domain/ports/store.ts'
import { TOOL_ARGUMENTS, type ToolArguments } from '../../domain/schemas/tool-arguments.ts'
import { TOOLS, toolNamed, type Tool, type ToolName } from '../../domain/tools/tools.ts'
import { listDirectory, readFile, replaceInFile, writeFile } from './file-tools.ts'
import { findFiles, readFiles, searchFiles } from './search-tools.ts'
import { failed, succeeded, type ToolResult } from './tool-result.ts'
import { createToolShell, ToolArgumentError, type ToolShell } from './tool-shell.ts'

type NameOf<Kind extends Tool['kind']> = Extract<(typeof TOOLS)[number], { readonly kind: Kind }>['name']
type Run<Name extends ToolName> = (shell: ToolShell, args: ToolArguments<Name>) => Promise<ToolResult>
type Note<Name extends ToolName> = (args: ToolArguments<Name>) => ToolResult

const ON_FILES: { readonly [Name in NameOf<'sandbox'>]: Run<Name> } = {
  read_file: readFile,
  read_many_files: readFiles,
  list_directory: listDirectory,
  glob: findFiles,
  grep_search: searchFiles,
  write_file: writeFile,
  replace: replaceInFile,
  run_shell_command: runCommand,
}

const IN_RECORD: { readonly [Name in NameOf<'record'>]: Note<Name> } = {
  write_todos: ({ todos }) => {
    const plan = todos.map(({ description, status }) => ({ text: description, status }))
    const done = plan.filter(({ status }) => status === 'completed').length
    return { ...succeeded({ output: 'Plan shown.', summary: `${done} of ${plan.length} done` }), plan }
  },
  save_memory: ({ fact }) => succeeded({ output: 'Noted with this task.', summary: fact.slice(0, 80) }),
  complete_task: () => succeeded({ output: 'Handed to the verifier.', summary: 'work handed in' }),
}

const isInvalid = (error: unknown): error is GatewayError =>
  error instanceof GatewayError && error.code === 'invalid_request'

const isRecorded = (name: ToolName): name is NameOf<'record'> => name in IN_RECORD

/**
 * Runs one call of the model. Whatever the model got wrong comes back as `{error}` for it to read; only trouble of the
 * host (a lost sandbox, a cancelled step) throws. The workspace is asked for only by a call that needs files.
 */
export async function runBuilderTool(run: {
  readonly call: Pick<ToolCall, 'name' | 'args'>
  readonly workspace: () => Promise<{
    readonly sandbox: Sandbox
    readonly directory: string
    readonly door?: EgressDoor | undefined
  }>
  readonly signal: AbortSignal
}): Promise<ToolResult> {
  const tool = toolNamed(run.call.name)
  if (!tool || tool.name === 'ask_user') return unknownTool(run.call.name)
  const parsed = TOOL_ARGUMENTS[tool.name].safeParse(run.call.args)
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`)
    return failed(`The arguments of ${run.call.name} are wrong. ${faults.join('. ')}.`)
  }
  if (isRecorded(tool.name)) return (IN_RECORD[tool.name] as Note<ToolName>)(parsed.data)
  const { sandbox, directory, door } = await run.workspace()
  const shell = createToolShell({ sandbox, workspace: directory, door, signal: run.signal })
  try {
    const perform = ON_FILES[tool.name] as Run<ToolName>
    const result = await perform(shell, parsed.data)
    return shell.blocked.length > 0 ? { ...result, blocked: shell.blocked } : result
  } catch (error) {
    if (error instanceof ToolArgumentError || isInvalid(error)) return failed(error.message)
    throw error
  }
}

const unknownTool = (name: string): ToolResult =>
  failed(`There is no tool ${name}. The tools are: ${TOOLS.map((tool) => tool.name).join(', ')}.`)

async function runCommand(shell: ToolShell, args: ToolArguments<'run_shell_command'>): Promise<ToolResult> {
  const directory = shell.relative(args.dir_path ?? '.')
  // Both streams in the order they were written, as a terminal shows them.
  const { exitCode, stdout, stderr, timedOut, droppedBytes } = await shell.run(
    ['bash', '-c', `exec 2>&1\n${args.command}`],
    { directory, network: args.network !== false },
  )
  const notes = [
    ...(stderr === '' ? [] : [stderr]),
    ...(droppedBytes > 0 ? [`[${droppedBytes} bytes of output were dropped]`] : []),
    ...(timedOut ? ['The command did not end in time and was stopped.'] : []),
    `Exit Code: ${exitCode}`,
  ]
  const output = `${stdout}${stdout === '' || stdout.endsWith('\n') ? '' : '\n'}${notes.join('\n')}`
  const result = succeeded({ output, summary: timedOut ? 'stopped: too slow' : `exit code ${exitCode}`, changed: true })
  return { ...result, ok: exitCode === 0 && !timedOut }
}
