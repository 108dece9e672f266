import { describe, expect, test } from 'vitest'
import { globMatcher } from '../../adapters/git/glob.ts'

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
  ])('%j matches %j', (pattern, path) => {
    expect(globMatcher(pattern)(path)).toBe(true)
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
  ])('%j does not match %j', (pattern, path) => {
    expect(globMatcher(pattern)(path)).toBe(false)
  })

  // A matcher that backtracks needs longer than anybody waits for any of these.
  test.each([
    ['*a*a*a*a*a*a*a*a*b', 'a'.repeat(250)],
    [`${'**/a/'.repeat(20)}b`, 'a/'.repeat(1_000)],
    [`${'*'.repeat(200)}b`, 'a'.repeat(250)],
    ['{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}', 'x'],
  ])('%j is decided although it fits in many ways', (pattern, path) => {
    expect(globMatcher(pattern)(path)).toBe(false)
  })
})
