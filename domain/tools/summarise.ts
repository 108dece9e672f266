const MAX_SUMMARY = 120

/** The argument that says most about a call, by tool. */
const TELLING: Readonly<Record<string, string>> = {
  read_file: 'file_path',
  write_file: 'file_path',
  replace: 'file_path',
  list_directory: 'dir_path',
  glob: 'pattern',
  grep_search: 'pattern',
  run_shell_command: 'command',
  ask_user: 'question',
  complete_task: 'summary',
}

/** A tool call in a few words for the Temporal Web UI, at most 120 characters, on one line. */
export function summarise(name: string, args: Readonly<Record<string, unknown>>): string {
  const telling = args[TELLING[name] ?? '']
  const words = typeof telling === 'string' ? `${name} ${telling}` : name
  const line = words.replace(/\s+/g, ' ').trim()
  return line.length <= MAX_SUMMARY ? line : `${line.slice(0, MAX_SUMMARY - 1)}…`
}
