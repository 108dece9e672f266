import pg from 'pg'
import { afterEach, expect, it } from 'vitest'
import { telegramPhone, whatsappPhone, type Phone } from '../support/chat/phones.ts'

const WITHIN = { timeout: 20_000, interval: 50 }
let phone: Phone | undefined
afterEach(() => phone?.close())

it.each([
  ['Telegram', telegramPhone],
  ['WhatsApp', () => whatsappPhone()],
] as const)('what nobody can read is kept each time and answered once, without a task: %s', async (_, begin) => {
  const shown = (phone = await begin())
  const { store, database } = shown.chat
  for (let sent = 0; sent < 2; sent++) shown.sendsSomethingUnreadable()
  shown.says('/tasks')
  await expect.poll(() => shown.texts().some((text) => text.includes('You have no tasks yet')), WITHIN).toBe(true)
  expect(shown.texts().filter((text) => text.includes('Write in a few words'))).toHaveLength(1)
  const inbox = new pg.Client({ connectionString: database })
  await inbox.connect()
  const { rows } = await inbox.query(`select message ->> 'kind' as kind from chat_message order by place, number`)
  await inbox.end()
  expect(rows.map(({ kind }: { kind: string }) => kind).toSorted()).toEqual(['text', 'wordless', 'wordless'])
  expect((await store.tasks.list({ tenant: 'default', limit: 1 })).items).toEqual([])
})
