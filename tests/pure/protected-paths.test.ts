import { describe, expect, test } from 'vitest'
import { forbidden } from '../../adapters/git/protected-paths.ts'
import { CONVENTIONAL_TEST_PATHS } from '../../domain/protected-paths.ts'

const EXISTED = '100644'
const ADDED = '000000'
/** A path as git gives it, one character per byte. */
const bytes = (path: string | readonly number[]): string => Buffer.from(path as string).toString('latin1')

const isForbidden = (
  path: string,
  { strict = [], defaults = [], mode = ADDED }: { strict?: string[]; defaults?: readonly string[]; mode?: string },
): boolean => forbidden([{ mode, id: '1'.repeat(40), path }], { strict, defaults }).length > 0

describe('a pattern protects what it names and everything below it', () => {
  test.each([
    ['tests', 'tests'],
    ['tests', 'tests/a/b.js'],
    ['tests/', 'tests/a.js'],
    ['./tests', 'tests/a.js'],
    ['tests/**', 'tests/.hidden/a.js'],
    ['**/tests', 'packages/a/tests/b.js'],
    ['**/conftest.py', 'conftest.py'],
    ['**/conftest.py', 'line\nbreak/conftest.py'],
    ['src/*.js', 'src/line\nbreak.js'],
    ['src/*.js', 'src/a.js/nested'],
    ['{spec,tests}/**', 'spec/a'],
    ['./', 'anything/at/all'],
  ])('%j protects %j', (pattern, path) => {
    expect(isForbidden(bytes(path), { strict: [pattern] })).toBe(true)
  })

  test.each([
    ['tests', 'tests2/a.js'],
    ['tests', 'src/tests/a.js'],
    ['tests/*.js', 'tests/a/b.js'],
    ['**/conftest.py', 'conftest.py.txt'],
  ])('%j does not protect %j', (pattern, path) => {
    expect(isForbidden(bytes(path), { strict: [pattern] })).toBe(false)
  })
})

test('names are matched as text where they are text, and as what comes close where they are not', () => {
  expect(isForbidden(bytes('prüfung/a.js'), { strict: ['prüfung'] })).toBe(true)
  expect(isForbidden(bytes([...Buffer.from('tests/caf'), 0xe9]), { strict: ['tests/**'] })).toBe(true)
})

test('what is forbidden keeps every byte of its path', () => {
  const path = bytes([...Buffer.from('tests/'), 0xff, 0xfe, 0x0a])
  const change = { mode: ADDED, id: '0'.repeat(40), path }
  expect(forbidden([change], { strict: ['tests'], defaults: [] })).toEqual([change])
})

test('below patterns that hold by default only what existed is put back', () => {
  const defaults = CONVENTIONAL_TEST_PATHS
  expect(isForbidden('src/a.test.js', { defaults, mode: EXISTED })).toBe(true)
  expect(isForbidden('src/a.test.js', { defaults })).toBe(false)
  expect(isForbidden('src/a.js', { defaults, mode: EXISTED })).toBe(false)
})

test('300 paths of 2,000 folders are decided', () => {
  const paths = Array.from({ length: 300 }, (_, index) => `${'a/'.repeat(2_000)}${index}`)
  const changes = paths.map((path) => ({ mode: EXISTED, id: '1'.repeat(40), path }))
  expect(forbidden(changes, { strict: ['tests/**'], defaults: CONVENTIONAL_TEST_PATHS })).toEqual([])
})
