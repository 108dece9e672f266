import type { ToolArguments } from '../../domain/schemas/tool-arguments.ts'
import { fileChange } from './file-change.ts'
import { failed, succeeded, type ToolResult } from './tool-result.ts'
import type { ToolShell } from './tool-shell.ts'

/** Says what stood there, then writes what comes in. */
const WRITE = '[ ! -f "$1" ] || cat -- "$1" || exit; mkdir -p -- "$(dirname -- "$1")" && cat > "$1"'

/** Reads a text file; a part of it when it is long, with the lines to ask for next. */
export async function readFile(shell: ToolShell, args: ToolArguments<'read_file'>): Promise<ToolResult> {
  const path = shell.relative(args.file_path)
  const file = await load(shell, path)
  if (typeof file !== 'string') return file
  if (args.start_line === undefined && args.end_line === undefined)
    return succeeded({ output: file, summary: `${path}, ${lineCount(file)} lines`, keep: 'start' })
  const lines = file.split('\n')
  const start = args.start_line ?? 1
  const end = Math.min(args.end_line ?? lines.length, lines.length)
  if (start > lines.length) return failed(`${path} has only ${lines.length} lines.`)
  const output = lines.slice(start - 1, end).join('\n')
  return succeeded({ output, summary: `${path}, lines ${start}-${end}`, keep: 'start' })
}

/** Writes a whole file. */
export async function writeFile(shell: ToolShell, args: ToolArguments<'write_file'>): Promise<ToolResult> {
  const path = shell.relative(args.file_path)
  return store(shell, { path, content: args.content, output: `Wrote ${path}.` })
}

/** Replaces exact text, once unless said otherwise. */
export async function replaceInFile(shell: ToolShell, args: ToolArguments<'replace'>): Promise<ToolResult> {
  const path = shell.relative(args.file_path)
  const file = await load(shell, path)
  if (args.old_string === '') {
    if (typeof file === 'string')
      return failed(`${path} exists already. Give the text to replace, or use write_file to write it anew.`)
    return writeFile(shell, { file_path: path, content: args.new_string })
  }
  if (typeof file !== 'string') return file
  const { old, fresh } = withLineEndsOf(file, args)
  const occurrences = file.split(old).length - 1
  if (occurrences === 0)
    return failed(
      `old_string does not occur in ${path}. It must match the file exactly, blanks and line ends included; read the file again.`,
    )
  if (occurrences > 1 && args.allow_multiple !== true)
    return failed(
      `old_string occurs ${occurrences} times in ${path}. Add lines around it until it is unique, or set allow_multiple.`,
    )
  if (old === fresh) return failed('old_string and new_string are the same: nothing would change.')
  const output = `Replaced ${occurrences} occurrence${occurrences === 1 ? '' : 's'} in ${path}.`
  return store(shell, { path, content: file.split(old).join(fresh), output })
}

/** Lists a directory; folders end with a slash. */
export async function listDirectory(shell: ToolShell, args: ToolArguments<'list_directory'>): Promise<ToolResult> {
  const path = shell.relative(args.dir_path)
  const { exitCode, stdout, stderr } = await shell.run(['ls', '-1Ap', '--', path])
  if (exitCode !== 0) return failed(`${path} cannot be listed: ${stderr}`)
  const count = stdout === '' ? 0 : lineCount(stdout)
  return succeeded({ output: stdout || 'The directory is empty.', summary: `${path}, ${count} entries` })
}

async function load(shell: ToolShell, path: string): Promise<string | ToolResult> {
  const { exitCode, bytes, stderr, droppedBytes, stdout } = await shell.run(['cat', '--', path])
  if (exitCode !== 0) return failed(`${path} cannot be read: ${stderr.replace(/^cat: /, '')}`)
  if (droppedBytes > 0) return failed(`${path} is too large to be read whole. Use grep_search or a shell command.`)
  if (bytes.subarray(0, 8_192).includes(0)) return failed(`${path} is not a text file.`)
  return stdout
}

/** Writes a file; people see the change, the model only that it was made. */
async function store(
  shell: ToolShell,
  file: { readonly path: string; readonly content: string; readonly output: string },
): Promise<ToolResult> {
  const { path, content, output } = file
  const { exitCode, stdout, stderr } = await shell.run(['sh', '-c', WRITE, 'sh', path], { stdin: content })
  if (exitCode !== 0) return failed(`${path} cannot be written: ${stderr.replace(/^sh: (\d+: )?/, '')}`)
  const change = fileChange({ path, before: stdout, after: content })
  const summary = `${path} ${change?.counts ?? `${lineCount(content)} lines`}`
  return { ...succeeded({ output, summary, changed: true }), ...(change && { output: change.patch }) }
}

/** Models write line feeds; a file with carriage returns keeps them. */
function withLineEndsOf(file: string, args: ToolArguments<'replace'>) {
  const plain = { old: args.old_string, fresh: args.new_string }
  if (file.includes(args.old_string) || !file.includes('\r\n')) return plain
  const dressed = (text: string) => text.replace(/\r?\n/g, '\r\n')
  return { old: dressed(args.old_string), fresh: dressed(args.new_string) }
}

const lineCount = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
