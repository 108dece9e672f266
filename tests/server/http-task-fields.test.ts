import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, problemOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

const NOW = new Date('2026-01-01T00:00:00Z')
let api: TestApi
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase(), clock: () => NOW })
})
afterAll(() => api.close())

const submit = (fields: object) => api.call('/v1/tasks', { json: { prompt: 'x', ...fields } })
const accepted = async (fields: object) => (await submit(fields)).status === 202
/** Where a refusal points to. */
async function pointersOf(fields: object): Promise<readonly string[]> {
  const { status, errors = [] } = await problemOf(await submit(fields))
  expect(status).toBe(422)
  return errors.map(({ pointer }) => pointer)
}

describe('the prompt', () => {
  it.each(['x', '😀'])('of %s may have 32,768 characters and no more', async (character) => {
    expect(await accepted({ prompt: character.repeat(32_768) })).toBe(true)
    expect(await pointersOf({ prompt: character.repeat(32_769) })).toEqual(['/prompt'])
  })

  it.each(['', ' ', '\n\t ', 1, null, ['x'], undefined])('is refused as %j', async (prompt) => {
    expect(await pointersOf({ prompt })).toEqual(['/prompt'])
  })
})

describe('optional fields', () => {
  it.each<[string, object]>([
    ['a title of 200 characters', { title: '😀'.repeat(200) }],
    ['every kind', { kind: 'operations' }],
    ['no labels', { labels: [] }],
    ['2,048 bytes of labels', { labels: [...Array.from({ length: 19 }, () => 'x'.repeat(100)), 'x'.repeat(87)] }],
    ['acceptance without commands to run', { acceptance: { commands: [] } }],
    ['the smallest budget', { constraints: { budgetUsd: Number.MIN_VALUE } }],
    ['the largest budget', { constraints: { budgetUsd: 1_000_000 } }],
    ['1 turn', { constraints: { maxTurns: 1 } }],
    ['1,000 turns', { constraints: { maxTurns: 1_000 } }],
    ['priority 1', { priority: 1 }],
    ['priority 5', { priority: 5 }],
    ['empty constraints', { constraints: {} }],
  ])('may be %s', async (_, fields) => {
    expect(await accepted(fields)).toBe(true)
  })

  it.each<[object, string]>([
    [{ title: '' }, '/title'],
    [{ title: '  ' }, '/title'],
    [{ title: 'x'.repeat(201) }, '/title'],
    [{ title: null }, '/title'],
    [{ kind: 'poem' }, '/kind'],
    [{ labels: 'x' }, '/labels'],
    [{ labels: [1] }, '/labels/0'],
    [{ labels: Array.from({ length: 51 }, () => 'x') }, '/labels'],
    [{ labels: [...Array.from({ length: 19 }, () => 'x'.repeat(100)), 'x'.repeat(88)] }, '/labels'],
    [{ labels: Array.from({ length: 6 }, () => '😀'.repeat(100)) }, '/labels'],
    [{ acceptance: {} }, '/acceptance/commands'],
    [{ acceptance: { setup: ['x'] } }, '/acceptance/commands'],
    [{ acceptance: { commands: 'npm test' } }, '/acceptance/commands'],
    [{ acceptance: { commands: [''] } }, '/acceptance/commands/0'],
    [{ acceptance: { commands: [], timeout: 1 } }, '/acceptance/timeout'],
    [{ repository: {} }, '/repository/url'],
    [{ repository: 'https://github.com/a/b' }, '/repository'],
    [{ priority: 0 }, '/priority'],
    [{ priority: 6 }, '/priority'],
    [{ priority: 1.5 }, '/priority'],
    [{ priority: '1' }, '/priority'],
    [{ priority: null }, '/priority'],
    [{ constraints: { budgetUsd: 0 } }, '/constraints/budgetUsd'],
    [{ constraints: { budgetUsd: -1 } }, '/constraints/budgetUsd'],
    [{ constraints: { budgetUsd: 1_000_000.01 } }, '/constraints/budgetUsd'],
    [{ constraints: { budgetUsd: '1' } }, '/constraints/budgetUsd'],
    [{ constraints: { maxTurns: 0 } }, '/constraints/maxTurns'],
    [{ constraints: { maxTurns: 1_001 } }, '/constraints/maxTurns'],
    [{ constraints: { maxTurns: 1.5 } }, '/constraints/maxTurns'],
    [{ constraints: { approvalMode: 'always' } }, '/constraints/approvalMode'],
    [{ constraints: { network: 'all' } }, '/constraints/network'],
    [{ constraints: { yolo: true } }, '/constraints/yolo'],
    [{ requester: 'somebody' }, '/requester'],
    [{ tenant: 'acme' }, '/tenant'],
    [{ state: 'completed' }, '/state'],
  ])('are refused as %j at %s', async (fields, pointer) => {
    expect(await pointersOf(fields)).toEqual([pointer])
  })
})

describe('the deadline', () => {
  it.each([
    '2026-01-01T00:00:01Z',
    '2026-01-01T00:00:00.5+00:00',
    '2026-01-01T01:00:01+01:00',
    '2025-12-31T23:00:01-01:00',
    '2026-06-01t12:00:00z',
    '2028-02-29T00:00:00.123456789Z',
    '9999-12-31T23:59:59+23:59',
  ])('may be %s', async (deadline) => {
    expect(await accepted({ constraints: { deadline } })).toBe(true)
  })

  it.each([
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:59:59+01:00',
    '2020-01-01T00:00:00Z',
    '2027-01-01',
    '2027-01-01T00:00Z',
    '2027-01-01T00:00:00',
    '2027-01-01 00:00:00Z',
    '2027-01-01T00:00:00+0100',
    '2027-02-29T00:00:00Z',
    '2027-01-01T24:00:00Z',
    '2027-13-01T00:00:00Z',
    'tomorrow',
    '',
    1_893_456_000,
  ])('is refused as %s', async (deadline) => {
    expect(await pointersOf({ constraints: { deadline } })).toEqual(['/constraints/deadline'])
  })
})

describe('protected paths', () => {
  it.each(['tests/**', 'package.json', './a', 'a..b', '..a', '...', '{a,b}/**', 'src/[id].ts', '**/*.test.*'])(
    'may be %s',
    async (path) => {
      expect(await accepted({ acceptance: { commands: [], protectedPaths: [path] } })).toBe(true)
    },
  )

  it.each([
    '/etc/passwd',
    '/',
    '..',
    '../x',
    'a/../b',
    'a/..',
    '{..,a}/b',
    'C:\\x',
    'C:/x',
    '..\\x',
    '\\x',
    '\\.\\./x',
    '',
    ' ',
    1,
  ])('are refused as %s', async (path) => {
    const pointers = await pointersOf({ acceptance: { commands: [], protectedPaths: ['tests/**', path] } })
    expect(new Set(pointers)).toEqual(new Set(['/acceptance/protectedPaths/1']))
  })
})
