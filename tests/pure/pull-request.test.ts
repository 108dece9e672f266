import { describe, expect, test } from 'vitest'
import { inert, pullRequestText, type PullRequestSubject } from '../../domain/pull-request.ts'
import type { CommandEvidence, Evidence } from '../../domain/receipt.ts'

const ran = (command: string, exitCode = 0, timedOut = false): CommandEvidence => ({
  ...{ command, exitCode, timedOut, outputSha256: '', outputTail: 'SECRET OUTPUT' },
})
const evidence: Evidence = {
  ...{ taskId: 'task-1', baseCommit: 'b', commit: 'c0ffee', tree: 't', protectedPaths: [] },
  ...{ setup: [ran('npm ci')], commands: [ran('npm test')], verdict: 'passed', verifiedAt: '2026-11-28T12:00:00Z' },
}
const cost = { usd: 0.0123, inputTokens: 1, outputTokens: 1, thoughtTokens: 0, cachedTokens: 0, modelCalls: 2 }
const subject = (overrides: Partial<PullRequestSubject> = {}): PullRequestSubject => ({
  ...{ task: { id: 'task-1', title: 'Fix the sum', cost }, summary: 'It adds now.', evidence, receiptSha256: 'abcd' },
  ...overrides,
})
const titled = (title: string) => pullRequestText(subject({ task: { id: 'task-1', title, cost } })).title

describe('the text of a pull request', () => {
  test('says what was done, how it was checked, what it cost, and where to look', () => {
    expect(pullRequestText(subject({ link: 'https://gateway.example/tasks/task-1' }))).toEqual({
      title: 'Fix the sum',
      body: [
        'Delivered by the OpenClaw Enterprise Gateway, task [`task-1`](https://gateway.example/tasks/task-1). Verdict of the verifier: **passed**.',
        '**Summary, in the words of the model**',
        '```text\nIt adds now.\n```',
        '**Acceptance**',
        '```text\nexit 0  $ npm ci\nexit 0  $ npm test\n```',
        'Cost: $0.0123 · receipt: SHA-256 `abcd`, signed for commit `c0ffee`',
      ].join('\n\n'),
    })
  })

  test('says when nothing was checked, and names the task where there is no page', () => {
    const { body } = pullRequestText(
      subject({ evidence: { ...evidence, setup: [], commands: [], verdict: 'not_run' } }),
    )
    expect(body).toContain('task `task-1`. Verdict of the verifier: **not_run**.')
    expect(body).toContain('**Acceptance**: no command was given, so nothing was checked.')
  })

  test('holds no output of a command', () => {
    expect(pullRequestText(subject()).body).not.toContain('SECRET')
  })

  test('breaks long lines at blanks, as code is not wrapped', () => {
    const lines = pullRequestText(subject({ summary: 'word '.repeat(100) })).body.split('\n')
    expect(Math.max(...lines.filter((line) => line.startsWith('word')).map(({ length }) => length))).toBeLessThan(101)
  })

  test('stays below what forges take, whatever the model and the requester wrote', () => {
    const long = '@a #1 😀`'.repeat(20_000)
    const commands = Array.from({ length: 100 }, () => ran(long))
    const { title, body } = pullRequestText({
      ...subject({ summary: long, evidence: { ...evidence, commands } }),
      task: { id: 'task-1', title: long, cost },
    })
    expect([title.length <= 255, body.length <= 65_536]).toEqual([true, true])
    // Half a character is no text.
    expect(title + body).not.toMatch(/\p{Surrogate}/u)
    expect(body).toContain('… and 71 more')
  })

  test('has a title of one line, and the task as title when nothing is left of it', () => {
    expect(titled(' Fix\n\tthe  sum ')).toBe('Fix the sum')
    expect(titled('\u202e\u0007')).toBe('task-1')
  })
})

describe('what the model wrote', () => {
  test.each(['```', '````\n<img src=x>', 'a `````` b', '~~~', '```text'])('cannot leave its block: %j', (summary) => {
    const { body } = pullRequestText(subject({ summary }))
    const [, fence = '', inside = ''] = /\n(`{3,})text\n([^]*?)\n\1(?!`)/.exec(body) ?? []
    expect(inside).toBe(summary)
    expect(summary).not.toMatch(new RegExp(`^${fence}`, 'm'))
  })

  test.each([
    ['Fixes #12', 'Fixes #·12'],
    ['closes acme/shop#7', 'closes acme/shop#·7'],
    ['Resolves GH-3 and gh-4', 'Resolves GH-·3 and gh-·4'],
    ['cc @ada, @acme/team', 'cc @·ada, @·acme/team'],
    ['closes https://github.com/acme/shop/issues/1', 'closes https:·//github.com/acme/shop/issues/1'],
    ['see !5', 'see !·5'],
    ['left\u202eright\u0000\u001b[31m', 'leftright[31m'],
    ['a # heading, 1 @ 2, a::b, and ada', 'a # heading, 1 @ 2, a::b, and ada'],
  ])('tells nobody and closes nothing: %j', (text, expected) => {
    expect(inert(text)).toBe(expected.replaceAll('·', '\u200b'))
  })
})
