import { describe, expect, it } from 'vitest'
import { mayEnter } from '../../../domain/chat/access.ts'
import {
  diffAnswer,
  helpAnswer,
  repositoriesAnswer,
  whichRepository,
  whichTaskQuestion,
} from '../../../domain/chat/answers.ts'
import { COMMANDS } from '../../../domain/chat/command.ts'
import { chooseRepository } from '../../../domain/chat/repository.ts'
import type { Task } from '../../../domain/task.ts'

const PATCH = [
  'diff --git a/a.ts b/a.ts',
  '--- a/a.ts',
  '+++ b/a.ts',
  '@@ -1,2 +1,2 @@',
  '-old',
  '+new',
  ' same',
  '@@ -9 +9 @@',
  '-x',
  '+y',
  'diff --git a/b.ts b/b.ts',
  '--- a/b.ts',
  '+++ b/b.ts',
  '@@ -0,0 +1 @@',
  '+++ counted',
].join('\n')

describe('a change', () => {
  const answer = (patch: string, state: Task['state'] = 'completed') =>
    diffAnswer({ task: { state } as Task, patch, link: 'https://gw.example/x' }).text

  it('is shown as its size, the first hunk with its file, and where the rest is', () => {
    expect(answer(PATCH).text.split('\n')).toEqual([
      '+2 −2 in 2 files',
      ...['+++ b/a.ts', '@@ -1,2 +1,2 @@', '-old', '+new', ' same'],
      'https://gw.example/x',
    ])
    expect(answer(PATCH).spans).toMatchObject([{ style: 'block', language: 'diff' }])
  })

  it('is cut when its first hunk fills a screen', () => {
    const long = PATCH.replace(' same', Array.from({ length: 500 }, (_, index) => ` line ${index}`).join('\n'))
    expect(answer(long).text.split('\n').length).toBeLessThan(40)
  })

  it('of nothing is said in words', () => {
    expect(answer('').text).toBe('This task changed nothing.')
    expect(answer('', 'building').text).toContain('no change yet')
  })
})

it('help names every command', () => {
  for (const name of Object.keys(COMMANDS)) expect(helpAnswer().text.text).toContain(`/${name}`)
})

describe('a question back', () => {
  it('which task is meant has a button for each and for a new one', () => {
    const tasks = ['A', 'B'].map((id) => ({ id: `task-${id}`, state: 'building' as const, title: `Fix ${id}` }))
    expect(whichTaskQuestion(7, tasks).buttons).toEqual([
      { title: 'Fix A', command: '/to 7 task-A' },
      { title: 'Fix B', command: '/to 7 task-B' },
      { title: 'A new task', command: '/to 7 new' },
    ])
  })

  it('which repository lists the names that no button can carry', () => {
    const long = 'x'.repeat(70)
    const { text, buttons } = whichRepository(7, ['web', long])
    expect(buttons).toEqual([{ title: 'web', command: '/in 7 web' }])
    expect(text.text).toContain(long)
  })

  it('repositories are listed with the one in use', () => {
    expect(repositoriesAnswer(['web', 'api'], 'web').text.text).toBe(
      "This chat's repository: web\n• web\n• api\nChoose: /repo <name>",
    )
  })
})

describe('the repository of a new task', () => {
  const known = [{ name: 'web', keywords: ['login', 'css'] }, { name: 'web-admin', keywords: ['css'] }, { name: 'api' }]
  const choose = (text: string, usual?: string) => chooseRepository(text, { known, usual })

  it('is the only one there is', () => {
    expect(chooseRepository('anything', { known: [{ name: 'web' }] })).toEqual({ type: 'chosen', name: 'web' })
  })
  it('is the one the text names as a word of its own', () => {
    expect(choose('fix the header in web-admin', 'api')).toEqual({ type: 'chosen', name: 'web-admin' })
    expect(choose('WEB: fix it')).toEqual({ type: 'chosen', name: 'web' })
  })
  it('is else what the chat has chosen, also a URL', () => {
    expect(choose('fix the login', 'api')).toEqual({ type: 'chosen', name: 'api' })
    expect(choose('fix web', 'https://git.example/a/b')).toEqual({ type: 'chosen', name: 'https://git.example/a/b' })
  })
  it('is else found by one keyword, and between two it is asked for', () => {
    expect(choose('the login fails')).toEqual({ type: 'chosen', name: 'web' })
    expect(choose('css is broken')).toEqual({ type: 'ask', names: ['web', 'web-admin'] })
    expect(choose('in web and api')).toEqual({ type: 'ask', names: ['web', 'api'] })
    expect(choose('it is slow')).toEqual({ type: 'ask', names: ['web', 'web-admin', 'api'] })
  })
  it('is none where none is known', () => {
    expect(chooseRepository('hello', { known: [] })).toEqual({ type: 'none' })
  })
})

describe('somebody without a link', () => {
  const user = (id: string, alias?: string) =>
    ({ channel: 'whatsapp', sender: { id, ...(alias && { alias }) } }) as const
  const list = { mode: 'allowlist', allowed: ['whatsapp:491701', 'telegram:7'] } as const

  it('may enter where everybody may, and else only from the list', () => {
    expect(
      [{ mode: 'open' } as const, { mode: 'linked' } as const].map((access) => mayEnter(access, user('1'))),
    ).toEqual([true, false])
    expect(mayEnter(list, user('US.1', '491701'))).toBe(true)
    expect(mayEnter(list, user('491701'))).toBe(true)
  })

  it.each(['7', '1701', '9491701', '491701 ', '', 'whatsapp:491701'])('%j is not on the list', (id) => {
    expect(mayEnter(list, user(id))).toBe(false)
    expect(mayEnter(list, user('x', id))).toBe(false)
  })
})
