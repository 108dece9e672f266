import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FAULTS } from '../../simulators/whatsapp/faults.ts'
import { FORGERIES } from '../../simulators/whatsapp/forgery.ts'
import { startCommand, temporaryFolder, testUsage } from '../support/simulator-command.ts'
import { startReceiver } from '../support/webhook-receiver.ts'
import { PHONE, post, SECRET, withButtons } from './whatsapp-business.ts'

const start = (...flags: readonly string[]) => startCommand('whatsapp', flags)

describe('the command', () => {
  test('does the handshake, says what is typed, prints what the business says, presses buttons', async () => {
    const receiver = await startReceiver(({ method, path }) =>
      method === 'GET' ? { body: new URL(path, 'http://x').searchParams.get('hub.challenge') ?? '' } : {},
    )
    const ledger = join(await temporaryFolder(), 'requests.jsonl')
    const command = await start(
      ...['--webhook', receiver.url, '--secret', SECRET, '--verify-token', 'v', '--token', 't'],
      ...['--user', PHONE, '--ledger', ledger],
    )
    const [line, url = '', phoneNumberId = ''] =
      /^.* at (\S+) - phone number id (\d+), token t\n/.exec(command.said()) ?? []
    expect(line).toBe(`WhatsApp simulator at ${url} - phone number id ${phoneNumberId}, token t\n`)
    await expect.poll(() => command.said()).toContain('The webhook is verified.')
    command.type('hello')
    const heard = () =>
      receiver.received
        .slice(1)
        .map(({ body }) => body)
        .join()
    await expect.poll(heard).toContain('"body":"hello"')
    const body = { messaging_product: 'whatsapp', to: PHONE, ...withButtons('Yes') }
    expect((await post({ url, phoneNumberId, token: 't' }, body)).http).toBe(200)
    await expect.poll(() => command.said()).toContain('business: Sure?\n  [Yes] id-Yes\n')
    command.type('/press id-No')
    await expect.poll(() => command.said()).toContain('sees no button "id-No"')
    command.type('/press id-Yes')
    await expect.poll(heard).toContain('"button_reply":{"id":"id-Yes"')
    expect(JSON.parse((await readFile(ledger, 'utf8')).trimEnd())).toMatchObject({ method: 'POST', status: 200 })
    command.child.kill('SIGTERM')
    expect(await once(command.child, 'exit')).toEqual([0, null])
    await receiver.close()
  })

  test('tells when the handshake fails', async () => {
    const receiver = await startReceiver(() => ({ status: 403 }))
    const command = await start('--webhook', receiver.url, '--secret', SECRET, '--verify-token', 'v')
    await expect.poll(() => command.said()).toContain('The webhook did not give the challenge back (403).')
    await receiver.close()
  })

  testUsage('whatsapp', {
    mistakes: [
      [[], '--webhook is missing or no URL'],
      [['--webhook', 'http://127.0.0.1:1'], '--secret is missing'],
      [['--webhook', 'http://127.0.0.1:1', '--secret', 's', '--port', '65536'], '--port is "65536"'],
      [['--wrong'], "Unknown option '--wrong'"],
    ],
    options: ['webhook', 'secret', 'port', 'token', 'verify-token', 'user', 'ledger', 'help'],
  })
})

test('the README names the faults and forgeries there are', async () => {
  const readme = await readFile('simulators/whatsapp/README.md', 'utf8')
  const faults = /## Faults([^]*?)## Ledger/.exec(readme)?.[1] ?? ''
  const rows = [...faults.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) => names.match(/[a-z-]+/g))
  expect(new Set(rows)).toEqual(new Set(FAULTS))
  for (const forgery of FORGERIES) expect(readme).toContain(`\`${forgery}\``)
})
