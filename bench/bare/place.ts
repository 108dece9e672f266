import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Where the tools of a bare agent act: the files of one directory and a shell in it. */
export interface Place {
  read(file: string): Promise<string>
  write(file: string, text: string): Promise<void>
  /** What the command said. */
  run(command: string): Promise<string>
}

export const onHost = (directory: string): Place => ({
  read: (file) => readFile(join(directory, file), 'utf8'),
  write: (file, text) => writeFile(join(directory, file), text),
  run: async (command) => {
    const { stdout, stderr } = await run('bash', ['-c', command], { cwd: directory })
    return stdout + stderr
  },
})

/** The least that contains: every access in namespaces of its own, in which only the directory can be changed. */
export function inNamespaces(bwrap: string, directory: string): Place {
  const walls = ['--unshare-all', '--die-with-parent', '--new-session', '--ro-bind', '/', '/', '--proc', '/proc']
  const rooms = ['--dev', '/dev', '--tmpfs', '/tmp', '--bind', directory, directory, '--chdir', directory]
  const shell = async (command: string, { file = '', stdin = '' } = {}) => {
    const running = run(bwrap, [...walls, ...rooms, 'bash', '-c', command, 'bash', file])
    running.child.stdin?.end(stdin)
    const { stdout, stderr } = await running
    return stdout + stderr
  }
  return {
    read: (file) => shell('cat "$1"', { file }),
    write: async (file, text) => void (await shell('cat > "$1"', { file, stdin: text })),
    run: shell,
  }
}
