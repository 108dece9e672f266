import { setTimeout as pause } from 'node:timers/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { declarationsFor } from '../../activities/tools/declarations.ts'
import { runBuilderTool } from '../../activities/tools/run-builder-tool.ts'
import { MAX_TOOL_OUTPUT_BYTES, MAX_TOOL_OUTPUT_IN_PROMPT } from '../../domain/limits.ts'
import type { SandboxCommand } from '../../domain/ports/sandbox.ts'
import { bubblewrap } from '../support/programs.ts'
import { useTools } from '../support/tools.ts'

const tools = useTools()

describe('run_shell_command', () => {
  const told = (command: string, more: Record<string, unknown> = {}) =>
    tools.told('run_shell_command', { command, ...more })

  test.each([
    ['echo hello', 'hello\nExit Code: 0'],
    ['printf hello', 'hello\nExit Code: 0'],
    ['true', 'Exit Code: 0'],
    ['exit 3', 'Exit Code: 3'],
    ['echo partly; false', 'partly\nExit Code: 1'],
    ['kill -TERM $$', 'Exit Code: 143'],
    ['no-such-command', 'bash: line 2: no-such-command: command not found\nExit Code: 127'],
    ['echo out; echo err >&2; echo out again', 'out\nerr\nout again\nExit Code: 0'],
    ['for i in 1 2 3; do echo $i; echo e$i >&2; done', '1\ne1\n2\ne2\n3\ne3\nExit Code: 0'],
    ['cat <<END\na "b" \'c\' $((1+1))\nEND', 'a "b" \'c\' 2\nExit Code: 0'],
    ['cd /tmp && pwd', '/tmp\nExit Code: 0'],
    ['read -r line; echo "got: $line"', 'got: \nExit Code: 0'],
    ['[[ a == a ]] && echo bash', 'bash\nExit Code: 0'],
    ['# nothing', 'Exit Code: 0'],
  ])('%j tells %j', async (command, expected) => {
    expect(await told(command)).toBe(expected)
  })

  test('calls what ended with 0 a success, and everything a possible change', async () => {
    expect(await tools.call('run_shell_command', { command: 'true' })).toMatchObject({
      ok: true,
      summary: 'exit code 0',
      changed: true,
    })
    expect(await tools.call('run_shell_command', { command: 'exit 9' })).toMatchObject({
      ok: false,
      summary: 'exit code 9',
      changed: true,
    })
  })

  test('tells of a command that is no shell', async () => {
    expect(await told('if then')).toMatch(/syntax error near unexpected token `then'\n.*\nExit Code: 2$/s)
  })

  test.each([
    [undefined, '/workspace'],
    ['.', '/workspace'],
    ['src/deep', '/workspace/src/deep'],
    ['/workspace/src', '/workspace/src'],
    ['-odd', '/workspace/-odd'],
  ])('runs in the folder %s', async (dir_path, expected) => {
    tools.write('src/deep/file', '')
    tools.write('-odd/file', '')
    expect(await told('pwd', { dir_path, description: 'Says where it is' })).toBe(`${expected}\nExit Code: 0`)
  })

  test.each([
    ['nowhere', 'nowhere: not a directory\nExit Code: 127'],
    ['a.txt', 'a.txt: not a directory\nExit Code: 127'],
    ['../..', 'error: The path ../.. lies outside the workspace /workspace. Use a path relative to it.'],
  ])('says why it cannot run in %s', async (dir_path, expected) => {
    tools.write('a.txt', '')
    expect(await told('pwd', { dir_path })).toBe(expected)
  })

  test('leaves nothing running and nothing behind but files', async () => {
    const script =
      '(while :; do date > alive; sleep 0.02; done) & until [ -s alive ]; do sleep 0.01; done; cd /tmp; export X=1'
    await told(script)
    const before = tools.read('alive')
    await pause(100)
    expect(tools.read('alive')).toBe(before)
    expect(await told('pwd; echo "[$X]"; ls /tmp')).toBe('/workspace\n[]\nExit Code: 0')
  })

  test('tells the beginning and the end of a long output, and keeps the whole for people', async () => {
    const { response, output } = await tools.call('run_shell_command', { command: 'seq 1 20000' })
    const text = String(response['output'])
    expect(Buffer.byteLength(text)).toBeLessThan(MAX_TOOL_OUTPUT_IN_PROMPT + 100)
    const [, head = '', left, total, tail = ''] =
      /^(.*)\n\[… (\d+) of (\d+) bytes left out …\]\n(.*)$/s.exec(text) ?? []
    expect(head.startsWith('1\n2\n3\n')).toBe(true)
    expect(tail.endsWith('19999\n20000\nExit Code: 0')).toBe(true)
    expect(output).toHaveLength(Number(total))
    expect(Number(total) - Number(left)).toBe(head.length + tail.length)
  })

  test('says how much of an endless output was dropped', async () => {
    const { output } = await tools.call('run_shell_command', {
      command: `head -c ${MAX_TOOL_OUTPUT_BYTES + 100} /dev/zero | tr '\\0' x`,
    })
    expect(output).toMatch(/x\n\[100 bytes of output were dropped\]\nExit Code: 0$/)
  })

  test('ends at its time limit and says so', async () => {
    const sandbox = await bubblewrap()
    const hasty = { ...sandbox, run: (command: SandboxCommand) => sandbox.run({ ...command, timeoutMs: 300 }) }
    const call = { name: 'run_shell_command', args: { command: 'echo begun; sleep 60' } }
    const { signal } = new AbortController()
    expect(await runBuilderTool({ call, workspace: tools.placeIn(hasty), signal })).toMatchObject({
      ok: false,
      response: { output: 'begun\nThe command did not end in time and was stopped.\nExit Code: 143' },
      summary: 'stopped: too slow',
      changed: true,
    })
  })

  test('is the host’s to cancel: that is no answer for the model', async () => {
    const abort = new AbortController()
    const call = { name: 'run_shell_command', args: { command: 'touch begun; sleep 60' } }
    const run = runBuilderTool({ call, workspace: tools.placeIn(await bubblewrap()), signal: abort.signal })
    const cancel = async () => {
      while (!existsSync(join(tools.workspace, 'begun'))) await pause(10)
      abort.abort(new Error('the seat ended'))
    }
    void cancel()
    await expect(run).rejects.toThrow('the seat ended')
  })
})

describe('tools that only say something', () => {
  test('write_todos shows the plan to people', async () => {
    const todos = [
      { description: 'read', status: 'completed' },
      { description: 'change', status: 'in_progress' },
      { description: 'test', status: 'pending' },
      { description: 'rewrite', status: 'cancelled' },
    ]
    expect(await tools.call('write_todos', { todos })).toEqual({
      ok: true,
      response: { output: 'Plan shown.' },
      summary: '1 of 4 done',
      changed: false,
      plan: todos.map(({ description, status }) => ({ text: description, status })),
    })
  })

  test.each([
    ['save_memory', { fact: 'They indent by two.' }, 'Noted with this task.', 'They indent by two.'],
    ['complete_task', { summary: 'Fixed the sum.' }, 'Handed to the verifier.', 'work handed in'],
  ])('%s', async (name, args, ...[output, summary]) => {
    expect(await tools.call(name, args)).toEqual({ ok: true, response: { output }, summary, changed: false })
  })
})

describe('a call the gateway cannot carry out comes back for the model to correct', () => {
  const KNOWN = 'The tools are: read_file, read_many_files, list_directory, glob, grep_search, write_file, replace,'

  test.each(['rm', '', 'READ_FILE', 'toString', '__proto__', 'ask_user'])('the unknown tool %j', async (name) => {
    expect(await tools.told(name, {})).toContain(`error: There is no tool ${name}. ${KNOWN}`)
  })

  test.each([
    ['read_file', {}, 'file_path: '],
    ['read_file', { file_path: '' }, 'file_path: '],
    ['read_file', { file_path: 7 }, 'file_path: '],
    ['read_file', { file_path: 'a', start_line: '1' }, 'start_line: '],
    ['read_file', null, 'arguments: '],
    ['read_many_files', { include: 'a' }, 'include: '],
    ['read_many_files', { include: [1] }, 'include.0: '],
    ['list_directory', { path: '.' }, 'dir_path: '],
    ['glob', { pattern: ['*'] }, 'pattern: '],
    ['grep_search', { dir_path: '.' }, 'pattern: '],
    ['write_file', { file_path: 'a' }, 'content: '],
    ['write_file', { content: 'a' }, 'file_path: '],
    ['replace', { file_path: 'a', old_string: 'a' }, 'new_string: '],
    ['replace', { file_path: 'a', old_string: 'a', new_string: 'b', allow_multiple: 'yes' }, 'allow_multiple: '],
    ['run_shell_command', { command: '' }, 'command: '],
    ['write_todos', { todos: [{ description: 'x', status: 'done' }] }, 'todos.0.status: '],
    ['save_memory', {}, 'fact: '],
    ['complete_task', {}, 'summary: '],
  ])('wrong arguments of %s: %j', async (name, args, fault) => {
    const result = await tools.call(name, args)
    expect(result).toMatchObject({ ok: false, changed: false })
    expect(result.response['error']).toContain(`The arguments of ${name} are wrong. ${fault}`)
  })

  test('arguments nobody asked for are ignored', async () => {
    tools.write('a', 'x')
    expect(await tools.told('read_file', { file_path: 'a', why: 'curious' })).toBe('x')
  })
})

test('models are told gemini-cli’s names and parameters, required ones first', () => {
  const told = declarationsFor({ approvalMode: 'yolo' }).map(({ name, parametersJsonSchema }) => {
    const { properties, required = [] } = parametersJsonSchema as { properties: object; required?: string[] }
    return [name, ...Object.keys(properties).map((key) => (required.includes(key) ? key : `${key}?`))].join(' ')
  })
  expect(told).toEqual([
    'read_file file_path start_line? end_line?',
    'read_many_files include exclude?',
    'list_directory dir_path',
    'glob pattern dir_path?',
    'grep_search pattern dir_path? include_pattern?',
    'write_file file_path content',
    'replace file_path old_string new_string allow_multiple?',
    'run_shell_command command description? dir_path?',
    'write_todos todos',
    'save_memory fact',
    'ask_user question',
    'complete_task summary',
  ])
})

test('only with a network are they told how to do without it', () => {
  const parameters = (network: 'none' | 'allowlist') =>
    declarationsFor({ approvalMode: 'yolo', network }).flatMap(({ parametersJsonSchema }) =>
      Object.keys((parametersJsonSchema as { properties: object }).properties),
    )
  expect(parameters('allowlist')).toContain('network')
  expect(parameters('none')).not.toContain('network')
})

test('in plan mode they are told of none that changes anything', () => {
  const names = declarationsFor({ approvalMode: 'plan' }).map(({ name }) => name)
  expect(names).not.toEqual(expect.arrayContaining(['write_file']))
  expect(names.filter((name) => ['write_file', 'replace', 'run_shell_command'].includes(name))).toEqual([])
  expect(names).toHaveLength(9)
})
