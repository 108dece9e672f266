import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MAX_TOOL_OUTPUT_BYTES, MAX_TOOL_OUTPUT_IN_PROMPT } from '../../domain/limits.ts'
import { useTools } from '../support/tools.ts'

const tools = useTools()

/** Names that a shell, an option parser or a careless join would get wrong. */
const ODD_NAMES = [
  '-n',
  '--help',
  '-rf/--x.txt',
  'with blank.txt',
  "it's.txt",
  'a"b.txt',
  '$(touch owned).txt',
  '`id`.txt',
  'semi;colon.txt',
  '*.txt',
  'back\\slash.txt',
  'grüße/файл/名前.txt',
  '🦀.rs',
  'line\nbreak.txt',
  '.hidden/.file',
]

describe('read_file', () => {
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`).join('\n')

  test('gives a whole file as it is', async () => {
    tools.write('src/a.js', 'one\n\ttwo\n\nthree')
    const result = await tools.call('read_file', { file_path: 'src/a.js' })
    expect(result).toEqual({
      ok: true,
      response: { output: 'one\n\ttwo\n\nthree' },
      summary: 'src/a.js, 4 lines',
      changed: false,
    })
  })

  test.each<[string, Record<string, number>, string, string]>([
    ['from a line', { start_line: 8 }, lines(8, 10), 'lines 8-10'],
    ['up to a line', { end_line: 2 }, lines(1, 2), 'lines 1-2'],
    ['both included', { start_line: 3, end_line: 5 }, lines(3, 5), 'lines 3-5'],
    ['one line', { start_line: 10, end_line: 10 }, lines(10, 10), 'lines 10-10'],
    ['beyond the end', { start_line: 9, end_line: 99 }, lines(9, 10), 'lines 9-10'],
  ])('gives a range of lines %s', async (...[, range, output, told]) => {
    tools.write('a.txt', `${lines(1, 10)}\n`)
    const result = await tools.call('read_file', { file_path: 'a.txt', ...range })
    expect(result).toMatchObject({ ok: true, response: { output }, summary: `a.txt, ${told}` })
  })

  test.each([
    [{ start_line: 11 }, 'a.txt has only 10 lines.'],
    [{ start_line: 5, end_line: 4 }, 'end_line 4 lies before start_line 5.'],
    [{ start_line: 0 }, 'The arguments of read_file are wrong. start_line: '],
    [{ end_line: 2.5 }, 'The arguments of read_file are wrong. end_line: '],
  ])('refuses the lines %j', async (range, error) => {
    tools.write('a.txt', `${lines(1, 10)}\n`)
    expect(await tools.told('read_file', { file_path: 'a.txt', ...range })).toContain(`error: ${error}`)
  })

  test('keeps carriage returns and marks of byte order', async () => {
    tools.write('dos.txt', '\uFEFFone\r\ntwo\r\n')
    expect(await tools.told('read_file', { file_path: 'dos.txt' })).toBe('\uFEFFone\r\ntwo\r\n')
  })

  test('shows what is no UTF-8 as far as it can be shown', async () => {
    tools.write('latin.txt', Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x0a]))
    expect(await tools.told('read_file', { file_path: 'latin.txt' })).toBe('caf\uFFFD\n')
  })

  test.each([
    ['nowhere.txt', 'nowhere.txt: No such file or directory'],
    ['folder', 'folder: Is a directory'],
    ['.', '.: Is a directory'],
    ['locked.txt', 'locked.txt: Permission denied'],
    ['pipe', 'it is not an ordinary file'],
  ])('says why %s cannot be read', async (path, why) => {
    mkdirSync(join(tools.workspace, 'folder'))
    tools.write('locked.txt', 'secret')
    chmodSync(join(tools.workspace, 'locked.txt'), 0)
    execFileSync('mkfifo', [join(tools.workspace, 'pipe')])
    expect(await tools.told('read_file', { file_path: path })).toBe(`error: ${path} cannot be read: ${why}`)
  })

  test.each([
    ['at the beginning', Buffer.from('\0PNG')],
    ['after 100 kB of text', Buffer.concat([Buffer.alloc(100_000, 'x\n'), Buffer.from([0])])],
  ])('refuses bytes that are no text %s', async (_, content) => {
    tools.write('image.png', content)
    expect(await tools.told('read_file', { file_path: 'image.png' })).toBe('error: image.png is not a text file.')
  })

  test('cuts a long file at a line end, says so, and keeps the whole for people', async () => {
    const whole = `${lines(1, 5_000)}\n`
    tools.write('long.txt', whole)
    const { response, output, summary } = await tools.call('read_file', { file_path: 'long.txt' })
    const told = String(response['output'])
    expect(Buffer.byteLength(told)).toBeLessThan(MAX_TOOL_OUTPUT_IN_PROMPT + 100)
    const [, shown = '', missing, total] = /^(.*)\n\[… (\d+) of (\d+) bytes left out …\]$/s.exec(told) ?? []
    expect(whole.startsWith(`${shown}\n`)).toBe(true)
    expect([Number(missing), Number(total)]).toEqual([whole.length - shown.length, whole.length])
    expect({ output, summary }).toEqual({ output: whole, summary: 'long.txt, 5000 lines' })
  })

  test('never cuts a character in two', async () => {
    tools.write('one-line.txt', '🦀'.repeat(10_000))
    expect(await tools.told('read_file', { file_path: 'one-line.txt' })).toMatch(/^🦀+\n\[…/u)
  })

  test('points to other tools for what is too large', async () => {
    tools.write('huge.txt', Buffer.alloc(MAX_TOOL_OUTPUT_BYTES + 1, 'x'))
    expect(await tools.told('read_file', { file_path: 'huge.txt' })).toBe(
      'error: huge.txt is too large to be read whole. Use grep_search or a shell command.',
    )
  })

  test.each(ODD_NAMES)('reads a file of the name %j', async (path) => {
    tools.write(path, 'found it')
    expect(await tools.told('read_file', { file_path: path })).toBe('found it')
  })

  test.each(['src/a.js', './src/a.js', 'src/../src//a.js', '/workspace/src/a.js'])(
    'takes the path %s',
    async (path) => {
      tools.write('src/a.js', 'one')
      expect(await tools.told('read_file', { file_path: path })).toBe('one')
    },
  )
})

describe('read_many_files', () => {
  test('gives every file below a line with its name, in the order of the names', async () => {
    tools.write('b.md', 'b')
    tools.write('a.md', 'a')
    const { response, summary } = await tools.call('read_many_files', { include: ['*.md'] })
    expect(response['output']).toBe('--- a.md ---\na\n--- b.md ---\nb\n')
    expect(summary).toBe('2 files')
  })

  test.each([
    ['several patterns', { include: ['src/*.js', 'docs/x.md'] }, ['docs/x.md', 'src/a.js']],
    ['all folders', { include: ['**/*.js'] }, ['src/a.js', 'src/deep/b.js']],
    ['a folder', { include: ['src'] }, ['src/a.js', 'src/deep/b.js']],
    ['a folder with its slash', { include: ['src/deep/'] }, ['src/deep/b.js']],
    ['an absolute path', { include: ['/workspace/docs/x.md'] }, ['docs/x.md']],
    ['all but some', { include: ['**/*'], exclude: ['docs', '*.js', '.gitignore'] }, ['-x.md']],
    ['all but some of a folder', { include: ['src'], exclude: ['src/deep/**'] }, ['src/a.js']],
    ['a name like an option', { include: ['-x.md'] }, ['-x.md']],
    ['none that is ignored', { include: ['**/*.log', 'src/a.js'] }, ['src/a.js']],
  ])('finds %s', async (_, args, expected) => {
    for (const path of ['src/a.js', 'src/deep/b.js', 'docs/x.md', '-x.md', 'debug.log']) tools.write(path, path)
    tools.write('.gitignore', '*.log\n')
    const told = await tools.told('read_many_files', args)
    expect([...told.matchAll(/^--- (.*) ---$/gm)].map(([, name]) => name)).toEqual(expected)
  })

  test('stops at 50 files and says how many more there are', async () => {
    for (let number = 10; number < 70; number++) tools.write(`${number}.txt`, 'x')
    const { summary, response } = await tools.call('read_many_files', { include: ['*.txt'] })
    expect(summary).toBe('50 files')
    expect(response['output']).toMatch(/--- 59\.txt ---\nx\n\n10 more files match\.$/)
  })

  test.each([
    [{ include: ['*.nothing', 'no/such'] }, 'No file matches *.nothing, no/such.'],
    [{ include: [] }, 'The arguments of read_many_files are wrong. include: '],
    [{ include: ['../x'] }, 'The path ../x lies outside the workspace /workspace. Use a path relative to it.'],
  ])('answers %j with an error', async (args, error) => {
    expect(await tools.told('read_many_files', args)).toContain(`error: ${error}`)
  })
})

describe('list_directory', () => {
  test('lists names in order, hidden ones too, folders with a slash', async () => {
    tools.write('b.txt', '')
    tools.write('.env', '')
    tools.write('a/deep.txt', '')
    const { response, summary, changed } = await tools.call('list_directory', { dir_path: '.' })
    expect(response['output']).toBe('.env\n.git/\na/\nb.txt\n')
    expect({ summary, changed }).toEqual({ summary: '., 4 entries', changed: false })
  })

  test.each(['-rf', "it's", 'grüße 🦀', '*'])('lists a folder of the name %j', async (name) => {
    tools.write(`${name}/file`, '')
    expect(await tools.told('list_directory', { dir_path: name })).toBe('file\n')
  })

  test('says that a folder is empty', async () => {
    mkdirSync(join(tools.workspace, 'empty'))
    const { response, summary } = await tools.call('list_directory', { dir_path: 'empty' })
    expect({ response, summary }).toEqual({
      response: { output: 'The directory is empty.' },
      summary: 'empty, 0 entries',
    })
  })

  test.each([
    ['nowhere', /^error: nowhere cannot be listed: .*No such file or directory$/],
    ['a.txt', /^error: a\.txt cannot be listed: .*Not a directory$/],
    ['..', /^error: The path \.\. lies outside the workspace/],
  ])('says why %s cannot be listed', async (path, error) => {
    tools.write('a.txt', '')
    expect(await tools.told('list_directory', { dir_path: path })).toMatch(error)
  })
})
