import { describe, expect, test } from 'vitest'
import { globMatcher } from '../../domain/glob.ts'

describe('a glob', () => {
  test.each([
    ['a.js', 'a.js'],
    ['*.js', 'a.js'],
    ['*.js', '.js'],
    ['*', '.hidden'],
    ['a*c*e', 'abcde'],
    ['?.js', 'ä.js'],
    ['?.js', '🙂.js'],
    ['[abc].js', 'b.js'],
    ['[a-c]x', 'bx'],
    ['[!a-c]x', 'dx'],
    ['[^a]x', 'bx'],
    ['[]]x', ']x'],
    ['\\*.js', '*.js'],
    ['**', 'a/b/c'],
    ['**/c', 'c'],
    ['**/c', 'a/b/c'],
    ['a/**/c', 'a/c'],
    ['a/**/c', 'a/b/b/c'],
    ['a/**', 'a'],
    ['a/**', 'a/b/c'],
    ['**/b/**', 'a/b/c'],
    ['{a,b}/*.{js,ts}', 'b/x.ts'],
    ['src/{,test/}*.js', 'src/a.js'],
    ['a**c', 'abc'],
    ['a+b(c)|d^$', 'a+b(c)|d^$'],
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
    ['**/a', 'a'],
    ['**/a', 'x/y/a'],
    ['a/**/b', 'a/b'],
    ['a/**/b/**/c', 'a/x/b/b/y/c'],
    ['**/*test*/**/*.js', 'x/my-tests/y/z.js'],
    ['a**', 'abc'],
  ])('%j fits %j', (glob, path) => {
    expect(globMatcher(glob)(path)).toBe(true)
  })

  test.each([
    ['*.js', 'a/b.js'],
    ['*.js', 'a.jsx'],
    ['?.js', 'ab.js'],
    ['[a-c]x', 'dx'],
    ['[!a]x', 'ax'],
    ['\\*.js', 'a.js'],
    ['**/c', 'a/bc'],
    ['a/**/c', 'b/c'],
    ['a/*/c', 'a/c'],
    ['a/*/c', 'a/b/b/c'],
    ['{a,b}', 'c'],
    ['a**c', 'a/c'],
    ['A.js', 'a.js'],
    ['a.js', 'axjs'],
    ['*', 'a/b'],
    ['?', ''],
    ['?', 'ab'],
    ['[a-c]', 'd'],
    ['[!a]', 'a'],
    ['a/**/b', 'a/xb'],
    ['**/a', 'ba'],
    ['{a}', 'a'],
    ['a**b', 'a/b'],
  ])('%j does not fit %j', (glob, path) => {
    expect(globMatcher(glob)(path)).toBe(false)
  })

  // A matcher that backtracks needs longer than anybody waits for any of these.
  test.each([
    ['*a*a*a*a*a*a*a*a*b', 'a'.repeat(250)],
    ['*a'.repeat(300), `${'a'.repeat(255)}b`],
    [`${'**/a/'.repeat(150)}b`, `${'a/'.repeat(2_000)}c`],
    [`${'*'.repeat(200)}b`, 'a'.repeat(250)],
  ])('%j is decided although it fits in many ways', (glob, path) => {
    expect(globMatcher(glob)(path)).toBe(false)
  })

  test.each([['a'.repeat(2_049)], ['{a,b}'.repeat(12)]])('%j is refused: it is no pattern any more', (glob) => {
    expect(() => globMatcher(glob)).toThrow(/The pattern/)
  })
})
