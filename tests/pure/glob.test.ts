import { describe, expect, test } from 'vitest'
import { globMatcher } from '../../activities/tools/glob.ts'

describe('a glob', () => {
  test.each([
    ['a.js', 'a.js'],
    ['*', 'a'],
    ['*.js', '.hidden.js'],
    ['a*c', 'ac'],
    ['a*b*c', 'a-b-b-c'],
    ['?.js', 'ü.js'],
    ['?', '🦀'],
    ['[abc]', 'b'],
    ['[a-cx]', 'x'],
    ['[!a-c]', 'd'],
    ['[^a]', 'b'],
    ['[]]', ']'],
    ['[a', '[a'],
    ['\\*', '*'],
    ['\\{a,b}', '{a,b}'],
    ['{a,b}.js', 'b.js'],
    ['{a,{b,c}}/x', 'c/x'],
    ['{,x}a', 'a'],
    ['{a}', '{a}'],
    ['{a,b', '{a,b'],
    ['**', 'a/b/c'],
    ['**/a', 'a'],
    ['**/a', 'x/y/a'],
    ['a/**', 'a/b/c'],
    ['a/**/b', 'a/b'],
    ['a/**/b/**/c', 'a/x/b/b/y/c'],
    ['**/*test*/**/*.js', 'x/my-tests/y/z.js'],
    ['a**', 'abc'],
  ])('%s fits %s', (glob, path) => {
    expect(globMatcher(glob)(path)).toBe(true)
  })

  test.each([
    ['*.js', 'a/b.js'],
    ['*', 'a/b'],
    ['?', ''],
    ['?', 'ab'],
    ['[a-c]', 'd'],
    ['[!a]', 'a'],
    ['a/**/b', 'a/xb'],
    ['**/a', 'ba'],
    ['{a,b}', 'c'],
    ['{a}', 'a'],
    ['a.js', 'axjs'],
    ['a**b', 'a/b'],
    ['A.js', 'a.js'],
  ])('%s does not fit %s', (glob, path) => {
    expect(globMatcher(glob)(path)).toBe(false)
  })
})

test.each([
  ['one name', '*a'.repeat(300), 'a'.repeat(255) + 'b'],
  ['many folders', '**/a/'.repeat(150) + 'b', `${'a/'.repeat(2_000)}c`],
])('hostile patterns and %s are decided 100 times in less than 2 s', (_, glob, path) => {
  const fits = globMatcher(glob)
  const started = performance.now()
  for (let times = 0; times < 100; times++) expect(fits(path)).toBe(false)
  expect(performance.now() - started).toBeLessThan(2_000)
})
