import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { METHODS } from '../../simulators/telegram/methods.ts'
import { FAULTS } from '../../simulators/telegram/faults.ts'
import { startCommand, temporaryFolder, testUsage } from '../support/simulator-command.ts'
import { bot } from './telegram-bot.ts'

const start = (...flags: readonly string[]) => startCommand('telegram', flags)

describe('the command', () => {
  test('says what is typed, prints what the bot says, presses buttons, and ends on SIGTERM', async () => {
    const ledger = join(await temporaryFolder(), 'calls.jsonl')
    const token = '7:abcdefghij'
    const command = await start('--token', token, '--user', '5', '--ledger', ledger)
    const [line = '', url = ''] = /^Telegram simulator at (\S+) - .*\n/.exec(command.said()) ?? []
    expect(line).toBe(`Telegram simulator at ${url} - set the bot's API root to it and its token to ${token}\n`)
    command.type('hello')
    const updates = async () =>
      (await bot<{ message?: { text: string }; callback_query?: { data: string } }[]>({ url, token }, 'getUpdates'))
        .result
    await expect.poll(async () => (await updates()).at(-1)?.message?.text).toBe('hello')
    const reply_markup = { inline_keyboard: [[{ text: 'Yes', callback_data: 'y' }]] }
    await bot({ url, token }, 'sendMessage', { chat_id: 5, text: 'Sure?', reply_markup })
    await expect.poll(() => command.said()).toContain('bot: Sure?\n  [Yes] y\n')
    command.type('/press n')
    await expect.poll(() => command.said()).toContain('Message 0 never had a button with the data "n".')
    command.type('/press y')
    await expect.poll(async () => (await updates()).at(-1)?.callback_query?.data).toBe('y')
    const lines = (await readFile(ledger, 'utf8')).trimEnd().split('\n')
    expect(lines.map((one) => (JSON.parse(one) as { method: string }).method)).toContain('sendMessage')
    command.child.kill('SIGTERM')
    expect(await once(command.child, 'exit')).toEqual([0, null])
  })

  testUsage('telegram', {
    mistakes: [
      [['--port', 'many'], '--port is "many": give a whole number from 0 to 65535.'],
      [['--user', '-1'], '--user'],
      [['--token', 'x'], '--token is no token'],
      [['--wrong'], "Unknown option '--wrong'"],
    ],
    options: ['port', 'token', 'user', 'ledger', 'rate-limits', 'help'],
  })
})

test('the README names the methods and the faults there are', async () => {
  const readme = await readFile('simulators/telegram/README.md', 'utf8')
  const methods = /Methods: ([^.]*)\./.exec(readme.replaceAll('\n', ' '))?.[1] ?? ''
  expect(new Set([...methods.matchAll(/`(\w+)`/g)].map(([, name]) => name))).toEqual(new Set(Object.keys(METHODS)))
  const faults = /## Faults([^]*?)## Ledger/.exec(readme)?.[1] ?? ''
  const rows = [...faults.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) => names.match(/[a-z-]+/g))
  expect(new Set(rows)).toEqual(new Set(FAULTS))
})
