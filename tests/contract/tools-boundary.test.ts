import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runBuilderTool } from '../../activities/tools/run-builder-tool.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { bubblewrap } from '../support/programs.ts'
import { ran, temporaryFolder, unprotected } from '../support/sandboxed.ts'
import { useTools } from '../support/tools.ts'

type Call = [tool: string, args: Record<string, unknown>]

const CANARY = 'canary of another task'

/**
 * File tools need no approval where commands do, and they run where there may be no sandbox: so they keep to the
 * workspace by themselves, whatever its links say.
 */
describe.each([
  ['the real sandbox', bubblewrap],
  ['no sandbox', unprotected],
])('with %s', (kind, create) => {
  const tools = useTools(create)
  let outside: string

  beforeEach(() => {
    outside = mkdtempSync(join(tmpdir(), 'ocg-outside-'))
    writeFileSync(join(outside, 'secret.txt'), CANARY)
    symlinkSync(join(outside, 'secret.txt'), join(tools.workspace, 'file-link'))
    symlinkSync(outside, join(tools.workspace, 'folder-link'))
    symlinkSync('/proc/self/environ', join(tools.workspace, 'process-link'))
    symlinkSync(join(outside, 'not-yet.txt'), join(tools.workspace, 'dangling-link'))
    symlinkSync('loop', join(tools.workspace, 'loop'))
    symlinkSync('file-link', join(tools.workspace, 'link-to-link'))
    tools.write('src/a.txt', 'inside')
    symlinkSync('../../..', join(tools.workspace, 'src/up'))
  })

  afterEach(() => rmSync(outside, { recursive: true, force: true }))

  const LINKS = ['file-link', 'folder-link/secret.txt', 'process-link', 'link-to-link', 'loop', 'src/up/etc/hostname']
  const OUT = /leads out of the workspace|No such file/

  test.each<Call>([
    ...LINKS.map((path): Call => ['read_file', { file_path: path }]),
    ...LINKS.map((path): Call => ['write_file', { file_path: path, content: 'x' }]),
    ...LINKS.map((path): Call => ['replace', { file_path: path, old_string: 'canary', new_string: 'x' }]),
    ['write_file', { file_path: 'dangling-link', content: 'x' }],
    ['write_file', { file_path: 'folder-link/new.txt', content: 'x' }],
    ['write_file', { file_path: 'folder-link/deep/new.txt', content: 'x' }],
    ['replace', { file_path: 'dangling-link', old_string: '', new_string: 'x' }],
    ['list_directory', { dir_path: 'folder-link' }],
    ['list_directory', { dir_path: 'src/up' }],
    ['glob', { pattern: '*', dir_path: 'folder-link' }],
    ['grep_search', { pattern: 'canary', dir_path: 'folder-link' }],
    ['grep_search', { pattern: 'canary', dir_path: 'file-link' }],
    ['grep_search', { pattern: 'canary', dir_path: 'folder-link', include_pattern: '*.txt' }],
  ])('a link leads %s nowhere: %j', async (name, args) => {
    const { ok, response } = await tools.call(name, args)
    expect(ok).toBe(false)
    expect(response['error']).toMatch(OUT)
    expect(readFileSync(join(outside, 'secret.txt'), 'utf8')).toBe(CANARY)
  })

  test.each([
    ['read_many_files', { include: ['**/*', 'folder-link/*', 'file-link'] }],
    ['glob', { pattern: '**/*' }],
    ['glob', { pattern: 'folder-link/*' }],
    ['grep_search', { pattern: 'canary' }],
  ])('links are not followed when %s looks everywhere: %j', async (name, args) => {
    expect(JSON.stringify(await tools.call(name, args))).not.toMatch(/canary of|secret/)
  })

  test.each([
    ['read_file', 'file_path', '../x'],
    ['read_file', 'file_path', 'a/../../x'],
    ['read_file', 'file_path', '/etc/passwd'],
    ['read_file', 'file_path', '/'],
    ['read_file', 'file_path', '..'],
    ['write_file', 'file_path', '../x'],
    ['replace', 'file_path', '/etc/passwd'],
    ['list_directory', 'dir_path', '/'],
    ['glob', 'dir_path', '..'],
    ['grep_search', 'dir_path', '/etc'],
    ['run_shell_command', 'dir_path', '/'],
  ])('%s refuses the %s %s', async (name, parameter, path) => {
    const all = { content: 'x', old_string: 'a', new_string: 'b', pattern: 'x', command: 'pwd' }
    const { response } = await tools.call(name, { ...all, [parameter]: path })
    expect(response['error']).toMatch(/^The path .* lies outside the workspace .*\. Use a path relative to it\.$/)
  })

  test('a path that only begins like the workspace is outside', async () => {
    const told = await tools.told('read_file', { file_path: `${(await create()).pathOf(tools.workspace)}-2/x` })
    expect(told).toContain('lies outside the workspace')
  })

  test('a path with a NUL is refused before anything runs', async () => {
    expect(await tools.told('read_file', { file_path: 'a\0b' })).toBe('error: The path holds a NUL character.')
  })

  test('links within the workspace are followed', async () => {
    symlinkSync('src', join(tools.workspace, 'inner'))
    symlinkSync('src/a.txt', join(tools.workspace, 'inner-file'))
    symlinkSync(`${(await create()).pathOf(tools.workspace)}/src`, join(tools.workspace, 'absolute'))
    mkdirSync(join(tools.workspace, 'deep'))
    symlinkSync('..', join(tools.workspace, 'deep/root'))
    for (const path of ['inner/a.txt', 'inner-file', 'absolute/a.txt', 'deep/root/src/a.txt'])
      expect(await tools.told('read_file', { file_path: path }), path).toBe('inside')
    expect((await tools.call('write_file', { file_path: 'inner/new/b.txt', content: 'b' })).ok).toBe(true)
    expect(tools.read('src/new/b.txt')).toBe('b')
    expect((await tools.call('write_file', { file_path: 'inner-file', content: 'changed' })).ok).toBe(true)
    expect(tools.read('src/a.txt')).toBe('changed')
    expect(await tools.told('list_directory', { dir_path: 'inner' })).toBe('a.txt\nnew/\nup\n')
  })

  test('a command may follow a link: the sandbox is what stops it', async () => {
    const told = await tools.told('run_shell_command', { command: 'cat file-link' })
    if (kind === 'no sandbox') expect(told).toBe(`${CANARY}\nExit Code: 0`)
    else expect(told).toBe('cat: file-link: No such file or directory\nExit Code: 1')
  })
})

/** Puts a file, and a link to one outside, in each other’s place as fast as it can. */
const SWAPPING = `node -e '
const { renameSync, symlinkSync, writeFileSync } = require("fs")
const end = Date.now() + 20000
for (let times = 0; Date.now() < end; times++) {
  writeFileSync("file", "inside"); renameSync("file", "target")
  symlinkSync(process.env.OUTSIDE, "link"); renameSync("link", "target")
}'`

describe('a link that takes a file’s place between the look and the write', () => {
  /** Whether a write through the tool arrives outside, in so many tries. */
  async function isWon(create: () => Promise<Sandbox>, tries: number): Promise<boolean> {
    const sandbox = await create()
    const [workspace, outside] = [temporaryFolder(), temporaryFolder()]
    const secret = join(outside, 'secret.txt')
    writeFileSync(secret, CANARY)
    const abort = new AbortController()
    const swapping = ran(sandbox, SWAPPING, { workspace, environment: { OUTSIDE: secret }, signal: abort.signal })
    const call = { name: 'write_file', args: { file_path: 'target', content: 'planted' } }
    const placed = () => Promise.resolve({ sandbox, directory: workspace })
    let won = false
    for (let times = 0; times < tries && !won; times++) {
      await runBuilderTool({ call, workspace: placed, signal: new AbortController().signal })
      won = readFileSync(secret, 'utf8') !== CANARY
    }
    abort.abort(new Error('enough'))
    await swapping.catch(() => undefined)
    return won
  }

  test('wins against a look at the path alone', async () => {
    expect(await isWon(unprotected, 400)).toBe(true)
  })

  test('never wins against the sandbox, where outside is nothing', async () => {
    expect(await isWon(bubblewrap, 60)).toBe(false)
  })
})

test('programs and settings a command leaves in the workspace steer no tool', async () => {
  const workspace = temporaryFolder()
  const sandbox = await bubblewrap()
  const planting = `
    for program in cat ls rg sh node readlink; do printf '#!/bin/sh\\necho planted' > $program; chmod +x $program; done
    mkdir -p bin; cp cat bin; echo 'alias cat="echo planted"' | tee .bashrc .profile ~/.bashrc ~/.profile > .bash_env
    echo '--glob=!kept' > .ripgreprc; echo kept > kept`
  await ran(sandbox, planting, { workspace })
  const told = async (name: string, args: object) => {
    const placed = () => Promise.resolve({ sandbox, directory: workspace })
    const call = { name, args: args as Record<string, unknown> }
    return (await runBuilderTool({ call, workspace: placed, signal: new AbortController().signal })).response['output']
  }
  expect(await told('read_file', { file_path: 'kept' })).toBe('kept\n')
  expect(await told('grep_search', { pattern: '^kept$' })).toBe('kept:1:kept\n')
  expect(await told('run_shell_command', { command: 'cat kept' })).toBe('kept\nExit Code: 0')
})
