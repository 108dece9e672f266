import type { ToolArguments } from '../../domain/schemas/tool-arguments.ts'
import { fileChange } from './file-change.ts'
import { failed, succeeded, type ToolResult } from './tool-result.ts'
import type { ToolShell } from './tool-shell.ts'

/** A pipe or a device would be waited for, or never end. */
const ORDINARY = '[ ! -e "$1" ] || [ -f "$1" ] || [ -d "$1" ] || { echo "it is not an ordinary file" >&2; exit 1; }'
const READ = `${ORDINARY}; exec cat -- "$1"`
/** Says what stood there, then writes what comes in. */
const WRITE = `${ORDINARY}; [ ! -f "$1" ] || cat -- "$1" || exit; mkdir -p -- "$(dirname -- "$1")" && cat > "$1"`

/** Reads a text file; a part of it when it is long, with the lines to ask for next. */
export async function readFile(shell: ToolShell, args: ToolArguments<'read_file'>): Promise<ToolResult> {
  const path = shell.relative(args.file_path)
  const file = await load(shell, path)
  if ('ok' in file) return file
  const { text } = file
  const count = lineCount(text)
  if (args.start_line === undefined && args.end_line === undefined)
    return succeeded({ output: text, summary: `${path}, ${count} lines`, keep: 'start' })
  const start = args.start_line ?? 1
  const end = Math.min(args.end_line ?? count, count)
  if (start > count) return failed(`${path} has only ${count} lines.`)
  if (end < start) return failed(`end_line ${end} lies before start_line ${start}.`)
  const output = text
    .split('\n')
    .slice(start - 1, end)
    .join('\n')
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
    if (!('ok' in file))
      return failed(`${path} exists already. Give the text to replace, or use write_file to write it anew.`)
    return writeFile(shell, { file_path: path, content: args.new_string })
  }
  if ('ok' in file) return file
  const { text, isExact } = file
  if (!isExact) return failed(`${path} is not UTF-8: writing it back would change the rest. Use a shell command.`)
  const { old, fresh } = withLineEndsOf(text, args)
  const occurrences = text.split(old).length - 1
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
  return store(shell, { path, content: text.split(old).join(fresh), output })
}

/** Lists a directory; folders end with a slash. */
export async function listDirectory(shell: ToolShell, args: ToolArguments<'list_directory'>): Promise<ToolResult> {
  const path = shell.relative(args.dir_path)
  const { exitCode, stdout, stderr } = await shell.runOn(path, ['ls', '-1Ap', '--', `${path}/`])
  if (exitCode !== 0) return failed(`${path} cannot be listed: ${stderr}`)
  const count = stdout === '' ? 0 : lineCount(stdout)
  return succeeded({ output: stdout || 'The directory is empty.', summary: `${path}, ${count} entries` })
}

/** The text of a file; `isExact`: written back it would be the same bytes. */
async function load(
  shell: ToolShell,
  path: string,
): Promise<{ readonly text: string; readonly isExact: boolean } | ToolResult> {
  const { exitCode, bytes, stderr, droppedBytes, stdout } = await shell.runOn(path, ['sh', '-c', READ, 'sh', path])
  if (exitCode !== 0) return failed(`${path} cannot be read: ${stderr.replace(/^cat: /, '')}`)
  if (droppedBytes > 0) return failed(`${path} is too large to be read whole. Use grep_search or a shell command.`)
  if (bytes.includes(0)) return failed(`${path} is not a text file.`)
  return { text: stdout, isExact: Buffer.from(stdout).equals(bytes) }
}

/** Writes a file; people see the change, the model only that it was made. */
async function store(
  shell: ToolShell,
  file: { readonly path: string; readonly content: string; readonly output: string },
): Promise<ToolResult> {
  const { path, content, output } = file
  const before = await shell.runOn(path, ['sh', '-c', WRITE, 'sh', path], { stdin: content })
  if (before.exitCode !== 0)
    return failed(`${path} cannot be written: ${before.stderr.replace(/^sh: (\d+: )?/, '')}`, { changed: true })
  const wasText = before.droppedBytes === 0 && !before.bytes.includes(0)
  const change = wasText ? fileChange({ path, before: before.stdout, after: content }) : undefined
  const summary = `${path} ${change?.counts ?? `${lineCount(content)} lines`}`
  return { ...succeeded({ output, summary, changed: true }), ...(change && { output: change.patch }) }
}

/** Models write line feeds; a file with carriage returns keeps them. */
function withLineEndsOf(file: string, { old_string: old, new_string: fresh }: ToolArguments<'replace'>) {
  const isExact = file.includes(old) && (old.includes('\n') || /(^|[^\r])\n/.test(file))
  if (isExact || !file.includes('\r\n')) return { old, fresh }
  const dressed = (text: string) => text.replace(/\r?\n/g, '\r\n')
  return { old: dressed(old), fresh: dressed(fresh) }
}

const lineCount = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
