import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { MAX_TOOL_OUTPUT_IN_PROMPT } from '../../domain/limits.ts'
import { useTools } from '../support/tools.ts'

const tools = useTools()

/** A small repository: sources, tests, a dependency and a product of the build, both ignored. */
beforeEach(() => {
  tools.write('.gitignore', 'node_modules\n/built.js\n*.log\n')
  tools.write('.github/check.yml', 'run: needle\n')
  tools.write('index.js', 'needle at the top\n')
  tools.write('src/a.ts', 'const a = 1\nconst needle = 2\n')
  tools.write('src/deep/b.ts', 'Needle\nneedle.b\n')
  tools.write('src/deep/c.tsx', 'nothing\n')
  tools.write('docs/read me.md', 'a needle in a haystack\n')
  tools.write('node_modules/lib/index.js', 'needle\n')
  tools.write('built.js', 'needle\n')
  tools.write('debug.log', 'needle\n')
})

describe('glob', () => {
  test.each([
    ['*.js', undefined, ['index.js']],
    ['**/*.js', undefined, ['index.js']],
    ['**/*.ts', undefined, ['src/a.ts', 'src/deep/b.ts']],
    ['**/*.{ts,tsx}', undefined, ['src/a.ts', 'src/deep/b.ts', 'src/deep/c.tsx']],
    ['src/**', undefined, ['src/a.ts', 'src/deep/b.ts', 'src/deep/c.tsx']],
    ['src/*', undefined, ['src/a.ts']],
    ['./src/*.ts', undefined, ['src/a.ts']],
    ['/workspace/src/*.ts', undefined, ['src/a.ts']],
    ['src/**/[ab].ts', undefined, ['src/a.ts', 'src/deep/b.ts']],
    ['**/?.tsx', undefined, ['src/deep/c.tsx']],
    ['**/*.yml', undefined, ['.github/check.yml']],
    ['docs/read me.md', undefined, ['docs/read me.md']],
    ['*.ts', 'src', ['src/a.ts']],
    ['deep/*.ts', 'src', ['src/deep/b.ts']],
    ['**/*.ts', 'src/deep/', ['src/deep/b.ts']],
    ['**/*.ts', '/workspace/src', ['src/a.ts', 'src/deep/b.ts']],
  ])('%s in %s finds %j', async (pattern, dir_path, expected) => {
    const { response, summary, changed } = await tools.call('glob', { pattern, dir_path })
    expect(String(response['output']).split('\n')).toEqual(expected)
    expect({ summary, changed }).toEqual({ summary: `${expected.length} files`, changed: false })
  })

  test('finds everything but what is ignored and the repository’s own files', async () => {
    const found = (await tools.told('glob', { pattern: '**/*' })).split('\n')
    expect(found).toEqual([
      '.github/check.yml',
      '.gitignore',
      'docs/read me.md',
      'index.js',
      'src/a.ts',
      'src/deep/b.ts',
      'src/deep/c.tsx',
    ])
  })

  test.each(['-x.js', 'grüße.js', "it's.js", '-folder/x.js'])('finds the name %j', async (path) => {
    tools.write(path, '')
    expect((await tools.told('glob', { pattern: '**/*.js' })).split('\n')).toContain(path)
  })

  test('does not follow links to folders', async () => {
    symlinkSync('src', join(tools.workspace, 'link'))
    expect(await tools.told('glob', { pattern: '**/a.ts' })).toBe('src/a.ts')
  })

  test.each([
    ['**/*.nothing', '.', 'No file matches **/*.nothing.'],
    ['node_modules/**', '.', 'No file matches node_modules/**.'],
    ['.git/**', '.', 'No file matches .git/**.'],
    ['*.js', 'nowhere', /^error: nowhere cannot be searched: .*No such file or directory/],
    ['../*', '.', /^error: The path \.\.\/\* lies outside the workspace \/workspace/],
    ['*', '../..', /^error: The path \.\.\/\.\. lies outside the workspace \/workspace/],
    ['{a,b}'.repeat(9), '.', 'error: The pattern stands for more than 256 others.'],
    ['x'.repeat(2_049), '.', 'error: The pattern is longer than 2048 characters.'],
  ])('$# tells that it found nothing, or why', async (pattern, dir_path, told) => {
    expect(await tools.told('glob', { pattern, dir_path })).toEqual(
      typeof told === 'string' ? told : expect.stringMatching(told),
    )
  })
})

describe.each(['grep_search', 'search_file_content'])('%s', (name) => {
  test('finds lines with their places, ignored files left out', async () => {
    const result = await tools.call(name, { pattern: 'needle' })
    expect(String(result.response['output'])).toBe(
      [
        '.github/check.yml:1:run: needle',
        'docs/read me.md:1:a needle in a haystack',
        'index.js:1:needle at the top',
        'src/a.ts:2:const needle = 2',
        'src/deep/b.ts:2:needle.b\n',
      ].join('\n'),
    )
    expect(result).toMatchObject({ ok: true, summary: '5 matches', changed: false })
  })
})

describe('grep_search', () => {
  test.each([
    ['a folder', { pattern: 'needle', dir_path: 'src' }, ['src/a.ts:2', 'src/deep/b.ts:2']],
    ['a file', { pattern: 'needle', dir_path: 'index.js' }, ['index.js:1']],
    ['names of any folder', { pattern: 'needle', include_pattern: '*.ts' }, ['src/a.ts:2', 'src/deep/b.ts:2']],
    ['names of one', { pattern: 'needle', include_pattern: 'src/*.ts' }, ['src/a.ts:2']],
    ['names of a tree', { pattern: 'needle', include_pattern: 'src/**/*.ts' }, ['src/a.ts:2', 'src/deep/b.ts:2']],
    ['several kinds', { pattern: 'needle', include_pattern: '*.{js,md}' }, ['docs/read me.md:1', 'index.js:1']],
    ['a folder by its name', { pattern: 'needle', include_pattern: 'docs' }, ['docs/read me.md:1']],
    ['some of a folder', { pattern: 'needle', dir_path: 'src', include_pattern: 'b.*' }, ['src/deep/b.ts:2']],
    ['no ignored files', { pattern: 'needle', include_pattern: '*.log' }, []],
    ['no ignored folders', { pattern: 'needle', include_pattern: 'node_modules/**' }, []],
  ])('searches %s', async (_, args, expected) => {
    const told = await tools.told('grep_search', args)
    expect([...told.matchAll(/^(.*?:\d+):/gm)].map(([, place]) => place)).toEqual(expected)
    if (expected.length === 0) expect(told).toBe('Nothing matches needle.')
  })

  test.each([
    ['^needle', 2],
    ['[Nn]eedle$', 2],
    ['(?i)NEEDLE', 6],
    ['needle\\.b', 1],
    ['-x', 0],
    ['--pre=touch owned', 0],
    ['const (a|needle)', 2],
  ])('takes the regular expression %s', async (pattern, count) => {
    expect((await tools.call('grep_search', { pattern })).summary).toBe(`${count} matches`)
  })

  test.each(['-x', '--pre=id', '-folder/-f', "it's", 'grüße', '$(id)'])(
    'searches a file of the name %j',
    async (path) => {
      tools.write(path, 'only here')
      expect(await tools.told('grep_search', { pattern: 'only here' })).toBe(`${path}:1:only here\n`)
      expect(await tools.told('grep_search', { pattern: 'only here', dir_path: path })).toBe(`${path}:1:only here\n`)
    },
  )

  test('shows of a long line only the beginning', async () => {
    tools.write('min.css', `here${'x'.repeat(100_000)}`)
    expect((await tools.told('grep_search', { pattern: 'here' })).length).toBeLessThan(600)
  })

  test('cuts many matches and keeps them whole for people', async () => {
    tools.write('many.txt', 'a line that matches\n'.repeat(5_000))
    const { response, output, summary } = await tools.call('grep_search', { pattern: 'matches' })
    expect(summary).toBe('5000 matches')
    expect(Buffer.byteLength(String(response['output']))).toBeLessThan(MAX_TOOL_OUTPUT_IN_PROMPT + 100)
    expect(response['output']).toMatch(/bytes left out …\]$/)
    expect(output?.split('\n')).toHaveLength(5_001)
  })

  test('obeys no settings of the repository', async () => {
    tools.write('.ripgreprc', '--pre=./owned.sh\n')
    tools.write('rg', 'not ripgrep')
    chmodSync(join(tools.workspace, 'rg'), 0o755)
    expect((await tools.call('grep_search', { pattern: 'needle', dir_path: 'src' })).summary).toBe('2 matches')
  })

  test('gives what could be read although something else could not', async () => {
    tools.write('closed/x', 'needle')
    chmodSync(join(tools.workspace, 'closed'), 0)
    expect(await tools.call('grep_search', { pattern: 'needle' })).toMatchObject({ ok: true, summary: '5 matches' })
    chmodSync(join(tools.workspace, 'closed'), 0o755)
  })

  test.each([
    ['a broken expression', { pattern: '(' }, /^error: The search failed: rg: regex parse error:/],
    ['a broken expression for some files', { pattern: '(', include_pattern: '*.ts' }, /regex parse error/],
    ['no such folder', { pattern: 'x', dir_path: 'nowhere' }, /^error: The search failed: .*No such file or directory/],
    ['a folder outside', { pattern: 'x', dir_path: '/etc' }, /^error: The path \/etc lies outside the workspace/],
    ['nothing found', { pattern: 'no such words' }, /^Nothing matches no such words\.$/],
    ['an empty folder', { pattern: 'x', dir_path: 'empty' }, /^Nothing matches x\.$/],
    ['no expression', { pattern: '' }, /^error: The arguments of grep_search are wrong\. pattern: /],
  ])('tells of %s', async (_, args, told) => {
    mkdirSync(join(tools.workspace, 'empty'))
    expect(await tools.told('grep_search', args)).toMatch(told)
  })
})
