import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MAX_TOOL_OUTPUT_BYTES } from '../../domain/limits.ts'
import { useTools } from '../support/tools.ts'

const tools = useTools()

describe('write_file', () => {
  test('writes a new file with its folders, and shows people what it wrote', async () => {
    const result = await tools.call('write_file', { file_path: 'src/deep/a.js', content: 'one\ntwo\n' })
    expect(result).toMatchObject({
      ok: true,
      response: { output: 'Wrote src/deep/a.js.' },
      summary: 'src/deep/a.js +2 −0',
      changed: true,
    })
    expect(result.output).toContain('--- a/src/deep/a.js\n+++ b/src/deep/a.js\n@@ -0,0 +1,2 @@\n+one\n+two\n')
    expect(tools.read('src/deep/a.js')).toBe('one\ntwo\n')
  })

  test('shows people what it changed of a file', async () => {
    tools.write('a.js', 'one\ntwo\nthree\n')
    const { summary, output } = await tools.call('write_file', { file_path: 'a.js', content: 'one\n2\nthree\nfour\n' })
    expect(summary).toBe('a.js +2 −1')
    expect(output).toContain('@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n')
  })

  test.each([
    ['nothing', ''],
    ['no line end', 'x'],
    ['carriage returns', 'a\r\nb\r\n'],
    ['what a shell would act on', '$(touch owned) `id` "\'\\ %s\n'],
    ['what ends documents in shells', 'EOF\n.\n'],
    ['any language', 'grüße 名前 🦀\n'],
    ['a byte order mark', '\uFEFFx\n'],
    ['1 MiB', 'x'.repeat(1024 * 1024)],
  ])('writes %s exactly', async (_, content) => {
    await tools.call('write_file', { file_path: 'f', content })
    expect(tools.read('f') === content).toBe(true)
  })

  test.each(['-n', '--help', 'a b', "it's", '$(id)', '*', 'line\nbreak', 'grüße/🦀', '.hidden'])(
    'writes to the name %j',
    async (path) => {
      expect((await tools.call('write_file', { file_path: path, content: 'x' })).ok).toBe(true)
      expect(tools.read(path)).toBe('x')
    },
  )

  test('keeps the permissions of a file', async () => {
    tools.write('run.sh', 'old')
    chmodSync(join(tools.workspace, 'run.sh'), 0o755)
    await tools.call('write_file', { file_path: 'run.sh', content: 'new' })
    expect(statSync(join(tools.workspace, 'run.sh')).mode & 0o777).toBe(0o755)
  })

  test.each([
    ['no text before', Buffer.from('\0PNG')],
    ['more than can be compared', Buffer.alloc(MAX_TOOL_OUTPUT_BYTES + 1, 'x\n')],
  ])('shows no difference to %s', async (_, before) => {
    tools.write('f', before)
    const result = await tools.call('write_file', { file_path: 'f', content: 'a\nb\n' })
    expect(result).toMatchObject({ ok: true, summary: 'f 2 lines', changed: true })
    expect(result.output).toBeUndefined()
    expect(tools.read('f')).toBe('a\nb\n')
  })

  test('shows no difference that nobody reads: of 3,000 lines and more', async () => {
    tools.write('f', Array.from({ length: 3_000 }, (_, line) => `old ${line}\n`).join(''))
    const content = Array.from({ length: 3_000 }, (_, line) => `new ${line}\n`).join('')
    const { summary, output } = await tools.call('write_file', { file_path: 'f', content })
    expect({ summary, output }).toEqual({ summary: 'f 3000 lines', output: undefined })
  })

  test.each([
    ['folder', 'cannot create folder: Is a directory'],
    ['a.txt/below', "mkdir: cannot create directory 'a.txt': File exists"],
    ['closed/new', 'cannot create closed/new: Permission denied'],
    ['pipe', 'it is not an ordinary file'],
    ['x'.repeat(300), `cannot create ${'x'.repeat(300)}: File name too long`],
  ])('says why %s cannot be written', async (path, why) => {
    mkdirSync(join(tools.workspace, 'folder'))
    mkdirSync(join(tools.workspace, 'closed'), { mode: 0o555 })
    tools.write('a.txt', 'kept')
    execFileSync('mkfifo', [join(tools.workspace, 'pipe')])
    const told = await tools.told('write_file', { file_path: path, content: 'x' })
    expect(told.replaceAll(/[‘’]/g, "'")).toBe(`error: ${path} cannot be written: ${why}`)
    expect(tools.read('a.txt')).toBe('kept')
  })

  test('that failed may have changed the files all the same', async () => {
    // The folder was made; the file in it could not be.
    const path = `new/${'x'.repeat(300)}`
    expect(await tools.call('write_file', { file_path: path, content: 'x' })).toMatchObject({
      ok: false,
      changed: true,
    })
  })
})

describe('replace', () => {
  const replace = (args: Record<string, unknown>) => tools.call('replace', { file_path: 'a.js', ...args })

  test('replaces text that occurs once, and shows people the change', async () => {
    tools.write('a.js', 'one\ntwo\nthree\n')
    const result = await replace({ old_string: 'two', new_string: '2' })
    expect(result).toMatchObject({
      ok: true,
      response: { output: 'Replaced 1 occurrence in a.js.' },
      summary: 'a.js +1 −1',
      changed: true,
    })
    expect(result.output).toContain(' one\n-two\n+2\n three\n')
    expect(tools.read('a.js')).toBe('one\n2\nthree\n')
  })

  test.each<[string, string, Record<string, unknown>, string]>([
    ['several lines', 'a\nb\nc\n', { old_string: 'a\nb', new_string: 'x' }, 'x\nc\n'],
    ['a part of a line', 'const a = 1\n', { old_string: '1', new_string: '2' }, 'const a = 2\n'],
    ['nothing in its place', 'a\nb\n', { old_string: 'b\n', new_string: '' }, 'a\n'],
    ['what means something to patterns', 'a.*+?$[x]\\', { old_string: '.*+?$[x]\\', new_string: 'y' }, 'ay'],
    ['with what means something to replacements', 'ab', { old_string: 'b', new_string: '$& $1 $$' }, 'a$& $1 $$'],
    ['every occurrence', 'x x x', { old_string: 'x', new_string: 'y', allow_multiple: true }, 'y y y'],
    ['one although all are allowed', 'x', { old_string: 'x', new_string: 'y', allow_multiple: true }, 'y'],
    ['text of any language', 'grüße 🦀', { old_string: '🦀', new_string: '名' }, 'grüße 名'],
    ['what has no end of line', 'a\nb', { old_string: 'b', new_string: 'c' }, 'a\nc'],
  ])('replaces %s', async (...[, before, args, after]) => {
    tools.write('a.js', before)
    expect(await replace(args)).toMatchObject({ ok: true, changed: true })
    expect(tools.read('a.js')).toBe(after)
  })

  test('says how many it replaced', async () => {
    tools.write('a.js', 'x x x')
    const args = { file_path: 'a.js', old_string: 'x', new_string: 'y', allow_multiple: true }
    expect(await tools.told('replace', args)).toBe('Replaced 3 occurrences in a.js.')
  })

  test.each([
    ['the model’s line feeds find them', 'a\r\nb\r\nc\r\n', 'a\nb', 'x\ny', 'x\r\ny\r\nc\r\n'],
    ['lines put in get them', 'a\r\nb\r\n', 'a', 'a\nnew', 'a\r\nnew\r\nb\r\n'],
    ['the model may write them itself', 'a\r\nb\r\n', 'a\r\nb', 'x\r\ny', 'x\r\ny\r\n'],
    ['other lines stay as they are', 'a\r\nb\nc\r\n', 'b\nc', 'x\ny', 'a\r\nx\ny\r\n'],
  ])('in a file with carriage returns %s', async (_, before, ...[old_string, new_string, after]) => {
    tools.write('a.js', before)
    expect(await replace({ old_string, new_string })).toMatchObject({ ok: true })
    expect(tools.read('a.js')).toBe(after)
  })

  test('with an empty old text makes a new file', async () => {
    expect(await replace({ old_string: '', new_string: 'new\n' })).toMatchObject({
      ok: true,
      response: { output: 'Wrote a.js.' },
      changed: true,
    })
    expect(tools.read('a.js')).toBe('new\n')
  })

  test.each<[string, string | Buffer | undefined, Record<string, unknown>, string]>([
    [
      'the old text does not occur',
      'x',
      { old_string: 'y', new_string: 'z' },
      'old_string does not occur in a.js. It must match the file exactly, blanks and line ends included; read the file again.',
    ],
    ['only blanks differ', '\tx', { old_string: '  x', new_string: 'z' }, 'old_string does not occur in a.js.'],
    [
      'it occurs more than once',
      'x x',
      { old_string: 'x', new_string: 'y' },
      'old_string occurs 2 times in a.js. Add lines around it until it is unique, or set allow_multiple.',
    ],
    [
      'nothing would change',
      'x',
      { old_string: 'x', new_string: 'x' },
      'old_string and new_string are the same: nothing would change.',
    ],
    [
      'the file to be made is there',
      'x',
      { old_string: '', new_string: 'y' },
      'a.js exists already. Give the text to replace, or use write_file to write it anew.',
    ],
    [
      'the file is not there',
      undefined,
      { old_string: 'x', new_string: 'y' },
      'a.js cannot be read: a.js: No such file or directory',
    ],
    ['the file is no text', Buffer.from('x\0'), { old_string: 'x', new_string: 'y' }, 'a.js is not a text file.'],
    [
      'bytes around the text would be lost',
      Buffer.from([0xe9, 0x78]),
      { old_string: 'x', new_string: 'y' },
      'a.js is not UTF-8: writing it back would change the rest. Use a shell command.',
    ],
    [
      'the file is too large',
      Buffer.alloc(MAX_TOOL_OUTPUT_BYTES + 1, 'x'),
      { old_string: 'x', new_string: 'y' },
      'a.js is too large to be read whole.',
    ],
  ])('fails and changes nothing when %s', async (...[, before, args, error]) => {
    if (before !== undefined) tools.write('a.js', before)
    const result = await replace(args)
    expect(result).toMatchObject({ ok: false, changed: false })
    expect(result.response['error']).toContain(error)
    if (before !== undefined) expect(tools.bytes('a.js').equals(Buffer.from(before as string))).toBe(true)
  })
})
