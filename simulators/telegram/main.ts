import { parseArgs } from 'node:util'
import { MAX_PORT, runCommand, talk, UsageError, wholeNumber } from '../webhook/command-line.ts'
import { startTelegramSimulator } from './server.ts'

const USAGE = `Usage: node bin/run.mjs simulators/telegram/main.ts [options]
  --port N        port on 127.0.0.1, default 0: a free one
  --token TOKEN   the bot's token, NUMBER:TEXT; default: one that is printed
  --user N        id of the person who says what is typed, default 1001
  --ledger FILE   gets a line of JSON for each call
  --rate-limits   refuses with 429 what comes too fast
  --help          shows this

What is typed is said to the bot; "/press DATA" presses the newest button with this data.`

await runCommand(USAGE, async () => {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      token: { type: 'string' },
      user: { type: 'string', default: '1001' },
      ledger: { type: 'string' },
      'rate-limits': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(USAGE)
  const { token, ledger } = values
  if (token !== undefined && !/^[1-9]\d{0,15}:[\w-]{10,64}$/.test(token))
    throw new UsageError('--token is no token: give NUMBER:TEXT with 10 to 64 letters, digits, - or _.')
  const simulator = await startTelegramSimulator({
    port: wholeNumber('--port', values.port, MAX_PORT),
    rateLimits: values['rate-limits'],
    ...(token !== undefined && { token }),
    ...(ledger !== undefined && { ledgerFile: ledger }),
    onMessage: ({ text, buttons }) => console.log(`bot: ${[text, ...buttons.flat().map(buttonLine)].join('\n  ')}`),
  })
  const person = simulator.user(wholeNumber('--user', values.user, Number.MAX_SAFE_INTEGER))
  console.log(
    `Telegram simulator at ${simulator.url} - set the bot's API root to it and its token to ${simulator.token}`,
  )
  talk({
    says: (line) => person.says(line),
    presses: (data) => {
      const shown = simulator.ledger.chat(person.id)
      const message = shown.findLast(({ buttons }) => buttons.flat().some((one) => one.callback_data === data))
      person.presses(message?.id ?? 0, data)
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void simulator.close().then(() => process.stdin.destroy()))
})

function buttonLine({ text, callback_data, url }: { text: string; callback_data?: string; url?: string }): string {
  return `[${text}] ${callback_data ?? url ?? ''}`.trimEnd()
}
