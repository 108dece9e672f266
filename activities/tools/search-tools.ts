import { globMatcher } from '../../domain/glob.ts'
import type { ToolArguments } from '../../domain/schemas/tool-arguments.ts'
import { failed, succeeded, type ToolResult } from './tool-result.ts'
import type { ShellResult, ToolShell } from './tool-shell.ts'

/** More files than this do not help a reader. */
const MAX_FILES_READ = 50
const READ_EACH = 'for file in "$@"; do printf -- "--- %s ---\\n" "$file"; head -c 65536 -- "$file"; printf "\\n"; done'
/** Hidden files count, version control does not; nothing of the user's settings is read. */
const RIPGREP = ['rg', '--no-config', '--hidden', '--glob', '!.git', '--color', 'never'] as const

/** Searches what stands behind it; that nothing was found is no failure. */
const SEARCH_EACH = 'rg "$@" || [ $? = 1 ]'

/** Finds files by glob, ignored ones left out. */
export async function findFiles(shell: ToolShell, args: ToolArguments<'glob'>): Promise<ToolResult> {
  const directory = shell.relative(args.dir_path ?? '.')
  const below = directory === '.' ? '' : `${plain(directory)}/`
  const isWanted = globMatcher(plain(shell.relative(args.pattern)))
  const found = await list(shell, { directory, isWanted: (path) => isWanted(path.slice(below.length)) })
  if (!Array.isArray(found)) return found
  const output = found.length > 0 ? found.join('\n') : `No file matches ${args.pattern}.`
  return succeeded({ output, summary: `${found.length} files`, keep: 'start' })
}

/** Searches file contents; a match is `path:line:text`. */
export async function searchFiles(shell: ToolShell, args: ToolArguments<'grep_search'>): Promise<ToolResult> {
  const directory = shell.relative(args.dir_path ?? '.')
  const format = ['--line-number', '--with-filename', '--no-heading', '--max-columns', '400', '--max-columns-preview']
  const search = [...RIPGREP, ...format, '--sort', 'path', '--regexp', args.pattern, '--'] as const
  const ran =
    args.include_pattern === undefined
      ? await shell.runOn(directory, [...search, directory])
      : await searchSome(shell, { directory, search, include: args.include_pattern })
  if ('ok' in ran) return ran
  // What could be read is worth having although something else could not.
  if (ran.exitCode > 1 && ran.stdout === '') return failed(`The search failed: ${ran.stderr}`)
  const matches = ran.stdout.replace(/^\.\//gm, '')
  const count = matches.split('\n').length - 1
  const output = count > 0 ? matches : `Nothing matches ${args.pattern}.`
  return succeeded({ output, summary: `${count} matches`, keep: 'start' })
}

/** Ripgrep's own globs would bring the ignored files back. */
async function searchSome(
  shell: ToolShell,
  some: { readonly directory: string; readonly search: readonly string[]; readonly include: string },
): Promise<ShellResult | ToolResult> {
  const { directory, search, include } = some
  const files = await list(shell, { directory, isWanted: matcher([anywhere(include)]) })
  if (!Array.isArray(files)) return files
  const [, ...options] = search
  return shell.run(['xargs', '-0r', 'sh', '-c', SEARCH_EACH, 'sh', ...options], {
    stdin: files.map((path) => `./${path}\0`).join(''),
  })
}

/** Reads every file of some globs, each below a line with its name. */
export async function readFiles(shell: ToolShell, args: ToolArguments<'read_many_files'>): Promise<ToolResult> {
  const isIncluded = matcher(args.include.map((path) => shell.relative(path)))
  const isExcluded = matcher((args.exclude ?? []).map(anywhere))
  const isWanted = (path: string) => isIncluded(path) && !isExcluded(path)
  const found = await list(shell, { directory: '.', isWanted })
  if (!Array.isArray(found)) return found
  if (found.length === 0) return failed(`No file matches ${args.include.join(', ')}.`)
  const read = found.slice(0, MAX_FILES_READ)
  const { stdout } = await shell.run(['sh', '-c', READ_EACH, 'sh', ...read])
  const rest = found.length > read.length ? `\n${found.length - read.length} more files match.` : ''
  return succeeded({ output: stdout + rest, summary: `${read.length} files`, keep: 'start' })
}

/** Files of a directory that are wanted, sorted, without ignored ones; paths are the workspace's. */
async function list(
  shell: ToolShell,
  search: { readonly directory: string; readonly isWanted: (path: string) => boolean },
): Promise<string[] | ToolResult> {
  const { directory, isWanted } = search
  const command = [...RIPGREP, '--files', '--null', '--sort', 'path', '--', directory] as const
  const { exitCode, stdout, stderr, droppedBytes } = await shell.runOn(directory, command)
  if (droppedBytes > 0) return failed(`${directory} holds too many files to look through. Use a folder of it.`)
  if (exitCode > 1 && stdout === '') return failed(`${directory} cannot be searched: ${stderr}`)
  return stdout.split('\0').filter(Boolean).map(plain).filter(isWanted)
}

/** Whether a path is named by one of the patterns, or lies below what they name. */
function matcher(patterns: readonly string[]): (path: string) => boolean {
  const named = patterns.map((pattern) => plain(pattern).replace(/\/+$/, '') || '**')
  const matchers = named.flatMap((pattern) => [globMatcher(pattern), globMatcher(`${pattern}/**`)])
  return (path) => matchers.some((isNamed) => isNamed(path))
}

/** A pattern without a folder is about names in all of them. */
const anywhere = (pattern: string): string => (pattern.includes('/') ? pattern : `**/${pattern}`)
const plain = (path: string): string => path.replace(/^(\.\/)+/, '')
