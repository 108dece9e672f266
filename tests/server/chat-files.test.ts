import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTelegramChannel } from '../../adapters/telegram/telegram-channel.ts'
import { MAX_FILE_BYTES, MAX_FILES, MAX_TEXT_FILE_BYTES } from '../../domain/limits.ts'
import type { ChatMessage } from '../../domain/chat/message.ts'
import type { Task } from '../../domain/task.ts'
import { startTelegramSimulator, type TelegramSimulator } from '../../simulators/telegram/server.ts'
import { openTestDesk, type TestDesk } from '../support/chat/desk.ts'

const PNG = Buffer.from('89504e470d0a1a0a', 'hex')
const TEXT = Buffer.from('boom at line 7')

let telegram: TelegramSimulator
let desk: TestDesk
beforeEach(async () => {
  telegram = await startTelegramSimulator()
  desk = await openTestDesk({ channel: createTelegramChannel({ token: telegram.token, apiUrl: telegram.url }) })
  await desk.link()
})
afterEach(() => Promise.all([desk.close(), telegram.close()]))

/** A file on the service, as a message names it. */
function file(bytes: Buffer, { name = 'log.txt', type = 'text/plain' } = {}) {
  const { document } = telegram.user(1001).sendsFile({ name, bytes, type })
  return { reference: document?.file_id ?? '', name, mediaType: type, size: bytes.length }
}
const says = async (text: string, more: Partial<ChatMessage>) =>
  (await desk.says(text, { kind: text === '' ? 'wordless' : 'text', ...more })).map((said) => said.text)
const fetches = () => telegram.ledger.calls.filter(({ method }) => method === 'getFile').length

/** The newest task, and what its model is shown of files. */
async function newest(): Promise<{ readonly task: Task; readonly shown: string }> {
  const [task] = await desk.tasks()
  if (!task) throw new Error('there is no task')
  const { attachments } = desk.store
  return { task, shown: JSON.stringify(await attachments.parts(await attachments.unread(task.id))) }
}
async function running(): Promise<string> {
  await says('fix the login', {})
  return (await newest()).task.id
}

describe('a file with words', () => {
  it('begins a task that has it, fetched once although its step is repeated, without a word in between', async () => {
    expect(await says('fix this', { file: file(TEXT) })).toEqual([])
    const { task, shown } = await newest()
    expect(task.prompt).toBe('fix this')
    expect(shown).toContain('boom at line 7')
    expect(fetches()).toBe(1)
  })

  it('steers the task that runs', async () => {
    const taskId = await running()
    await says('look at this', { file: file(PNG, { name: 'screen.png', type: 'image/png' }) })
    expect(await desk.store.conversations.unread(taskId)).toEqual(['look at this'])
    expect((await newest()).shown).toContain(PNG.toString('base64'))
  })

  it('goes to a task chosen by a button, with its file', async () => {
    await says('/new one', {})
    await says('/new two', {})
    const [question] = await desk.says('look at this', { file: file(TEXT) })
    expect(fetches()).toBe(0)
    await desk.says(question?.buttons[0] ?? '', { kind: 'button' })
    expect((await newest()).shown).toContain('boom at line 7')
  })

  it('comes along when the task is run again', async () => {
    await says('fix this', { file: file(TEXT) })
    const { task } = await newest()
    const end = [{ type: 'task-ended' as const, data: { state: 'cancelled' } }]
    await desk.store.tasks.move({ taskId: task.id, to: 'cancelled', events: end })
    await desk.says(`/retry ${task.id}`)
    const again = await newest()
    expect(again.task.retryOf).toBe(task.id)
    expect(again.shown).toContain('boom at line 7')
  })
})

describe('a file with a command', () => {
  const LEFT = 'I did nothing with the file.'

  it.each(['/status', '/help', '/nonsense', '/cancel task-01J00000000000000000000000', '/new', '/link CODE'])(
    '(%s) is left alone, and its answer says so',
    async (command) => {
      const answers = await says(command, { file: file(TEXT) })
      expect(answers).toEqual([expect.stringMatching(/[^]{20,}\n\nI did nothing with the file\.$/)])
      expect(await says(command, {})).toEqual([expect.not.stringContaining(LEFT)])
      expect(fetches()).toBe(0)
    },
  )

  it('(/retry) is left alone beside the file of the task', async () => {
    const taskId = await running()
    const end = [{ type: 'task-ended' as const, data: { state: 'cancelled' } }]
    await desk.store.tasks.move({ taskId, to: 'cancelled', events: end })
    expect(await says(`/retry ${taskId}`, { file: file(TEXT) })).toEqual([`It runs again.\n\n${LEFT}`])
    expect((await newest()).task.retryOf).toBe(taskId)
  })
})

describe('a file without words', () => {
  it('goes to the task that runs', async () => {
    const taskId = await running()
    expect(await says('', { file: file(TEXT) })).toEqual([])
    expect(await desk.store.conversations.unread(taskId)).toEqual(['See the attached file.'])
    expect((await newest()).shown).toContain('boom at line 7')
  })

  it('is no task: words are asked for, once a day, and nothing is fetched', async () => {
    const asked = [await says('', { file: file(TEXT) }), await says('', { file: file(TEXT) })]
    expect(asked).toEqual([[expect.stringContaining('Send it again with a few words')], []])
    expect(await desk.tasks()).toEqual([])
    expect(fetches()).toBe(0)
  })

  it('stays none when a button makes a new task of it', async () => {
    await says('/new one', {})
    await says('/new two', {})
    const [question] = await desk.says('', { kind: 'wordless', file: file(TEXT) })
    const fresh = question?.buttons.find((command) => command.endsWith(' new')) ?? ''
    expect((await desk.says(fresh, { kind: 'button' }))[0]?.text).toContain('Send it again with a few words')
    expect(await desk.tasks()).toHaveLength(2)
  })
})

describe('a file that cannot be taken leaves its words and gets one hint', () => {
  const begins = async (left: ChatMessage['file']) => {
    const hints = await says('fix this', { file: left })
    const { task, shown } = await newest()
    expect([task.prompt, shown]).toEqual(['fix this', '[]'])
    expect(hints).toEqual([expect.stringMatching(/\. Your words count without it\.$/)])
    return hints[0]
  }

  it('that is larger than it may be, by its own word without a request', async () => {
    expect(await begins({ ...file(TEXT), size: MAX_FILE_BYTES + 1 })).toContain('log.txt is too large for me')
    expect(fetches()).toBe(0)
  })

  it('that is larger than its message says', async () => {
    const large = file(Buffer.concat([PNG, Buffer.alloc(MAX_FILE_BYTES)]), { type: 'image/png' })
    expect(await begins({ ...large, size: 8 })).toContain('too large')
  })

  it('that is too long a text', async () => {
    expect(await begins(file(Buffer.alloc(MAX_TEXT_FILE_BYTES + 1, 'a')))).toContain('too large')
  })

  it('that is something else than its type says', async () => {
    expect(await begins(file(Buffer.from('%PDF-1.7'), { type: 'image/png' }))).toContain('I cannot read log.txt')
  })

  it('of a kind nobody reads', async () => {
    expect(await begins({ name: 'this video' })).toContain('I cannot read this video')
  })

  it('that the service does not have', async () => {
    expect(await begins({ reference: 'nothing', name: 'lost.txt' })).toContain('I could not get lost.txt')
  })

  it('that is one more than a task takes', async () => {
    await running()
    for (let count = 0; count < MAX_FILES; count++) expect(await says('and', { file: file(TEXT) })).toEqual([])
    expect(await says('and', { file: file(TEXT) })).toEqual([expect.stringContaining('is one too many')])
    expect((await newest()).shown.match(/boom/g)).toHaveLength(MAX_FILES)
  })

  it('whose bytes are more than a task takes', async () => {
    await running()
    const large = Buffer.concat([PNG, Buffer.alloc(MAX_FILE_BYTES - PNG.length)])
    const image = { name: 'a.png', type: 'image/png' }
    expect(await says('and', { file: file(large, image) })).toEqual([])
    expect(await says('and', { file: file(large, image) })).toEqual([expect.stringContaining('is one too many')])
  })

  it('without words nothing is said to the task', async () => {
    const taskId = await running()
    const hints = await says('', { file: file(Buffer.from([0, 1]), { type: 'application/zip' }) })
    expect(hints).toEqual([expect.not.stringContaining('Your words')])
    expect(await desk.store.conversations.unread(taskId)).toEqual([])
  })

  it('has a name on one line, whatever it is called', async () => {
    expect(await begins({ name: `a"\n\u202Eb${'c'.repeat(500)}` })).toMatch(/^I cannot read a bc{117}: /)
  })
})

describe('while the service does not give a file', () => {
  const failing = { code: 'unavailable', retryable: true }

  it.each(['getFile', 'file'])('at %s, the step fails; repeated, it has the file', async (method) => {
    telegram.failNext('internal', { method })
    await expect(desk.says('fix this', { file: file(TEXT) })).rejects.toMatchObject(failing)
    expect(await says('', { kind: 'button' })).toEqual([expect.stringContaining('/status')])
    const { task, shown } = await newest()
    expect(task.prompt).toBe('fix this')
    expect(shown).toContain('boom at line 7')
  })

  it('for a minute, the words go without it, once and for all', async () => {
    telegram.failNext('internal', { method: 'file', times: 2 })
    await expect(desk.says('fix this', { file: file(TEXT) })).rejects.toMatchObject(failing)
    const admin = new pg.Client({ connectionString: desk.database })
    await admin.connect()
    await admin.query(`update chat_message set received_at = now() - interval '61 seconds'`)
    await admin.end()
    const [hint] = await says('', { kind: 'button' })
    expect(hint).toBe('I could not get log.txt. Send it again if it matters. Your words count without it.')
    expect(await newest()).toMatchObject({ task: { prompt: 'fix this' }, shown: '[]' })
    expect(fetches()).toBe(2)
  })
})

it('a file of somebody nobody knows is not even asked for', async () => {
  await desk.says('fix this', { chat: '9', sender: { id: '9' }, file: file(TEXT) })
  expect(fetches()).toBe(0)
})
