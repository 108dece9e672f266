import type { ToolArguments } from '../../domain/schemas/tool-arguments.ts'
import { failed, succeeded, type ToolResult } from './tool-result.ts'
import type { ToolShell } from './tool-shell.ts'

/** More files than this do not help a reader. */
const MAX_FILES_READ = 50
const READ_EACH = 'for file in "$@"; do printf -- "--- %s ---\\n" "$file"; head -c 65536 -- "$file"; printf "\\n"; done'
/** Hidden files count, version control does not; nothing of the user's settings is read. */
const RIPGREP = ['rg', '--no-config', '--hidden', '--glob', '!.git', '--color', 'never'] as const

/** Finds files by glob, ignored ones left out. */
export async function findFiles(shell: ToolShell, args: ToolArguments<'glob'>): Promise<ToolResult> {
  const directory = shell.relative(args.dir_path ?? '.')
  const found = await list(shell, { directory, globs: [args.pattern] })
  if (!Array.isArray(found)) return found
  const output = found.length > 0 ? found.join('\n') : `No file matches ${args.pattern}.`
  return succeeded({ output, summary: `${found.length} files`, keep: 'start' })
}

/** Searches file contents; a match is `path:line:text`. */
export async function searchFiles(shell: ToolShell, args: ToolArguments<'grep_search'>): Promise<ToolResult> {
  const directory = shell.relative(args.dir_path ?? '.')
  const include = args.include_pattern === undefined ? [] : ['--glob', args.include_pattern]
  const format = ['--line-number', '--with-filename', '--no-heading', '--max-columns', '400', '--max-columns-preview']
  const { exitCode, stdout, stderr } = await shell.run([
    ...RIPGREP,
    ...format,
    ...include,
    ...['--sort', 'path', '--regexp', args.pattern, '--', directory],
  ])
  if (exitCode > 1) return failed(`The search failed: ${stderr}`)
  const matches = stdout.replace(/^\.\//gm, '')
  const count = matches.split('\n').length - 1
  const output = count > 0 ? matches : `Nothing matches ${args.pattern}.`
  return succeeded({ output, summary: `${count} matches`, keep: 'start' })
}

/** Reads every file of some globs, each below a line with its name. */
export async function readFiles(shell: ToolShell, args: ToolArguments<'read_many_files'>): Promise<ToolResult> {
  const globs = [...args.include.map((path) => shell.relative(path)), ...(args.exclude ?? []).map((path) => `!${path}`)]
  const found = await list(shell, { directory: '.', globs })
  if (!Array.isArray(found)) return found
  if (found.length === 0) return failed(`No file matches ${args.include.join(', ')}.`)
  const read = found.slice(0, MAX_FILES_READ)
  const { stdout } = await shell.run(['sh', '-c', READ_EACH, 'sh', ...read])
  const rest = found.length > read.length ? `\n${found.length - read.length} more files match.` : ''
  return succeeded({ output: stdout + rest, summary: `${read.length} files`, keep: 'start' })
}

async function list(
  shell: ToolShell,
  search: { readonly directory: string; readonly globs: readonly string[] },
): Promise<string[] | ToolResult> {
  const globs = search.globs.flatMap((glob) => ['--glob', glob])
  const command = [...RIPGREP, '--files', '--sort', 'path', ...globs, '--', search.directory] as const
  const { exitCode, stdout, stderr } = await shell.run(command)
  if (exitCode > 1) return failed(`The search failed: ${stderr}`)
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((path) => path.replace(/^\.\//, ''))
}
