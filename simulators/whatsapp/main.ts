import { parseArgs } from 'node:util'
import { MAX_PORT, runCommand, talk, UsageError, wholeNumber } from '../webhook/command-line.ts'
import { startWhatsAppSimulator } from './server.ts'

const USAGE = `Usage: node bin/run.mjs simulators/whatsapp/main.ts --webhook URL --secret TEXT [options]
  --webhook URL        where webhooks go
  --secret TEXT        the app secret that signs them
  --port N             port on 127.0.0.1, default 0: a free one
  --token TOKEN        the bearer token that is right; default: one that is printed
  --verify-token TEXT  does the handshake with this token first
  --user ID            number or business-scoped id of the person who says what is typed, default 491700000001
  --ledger FILE        gets a line of JSON for each request
  --help               shows this

What is typed is said to the business; "/press ID" presses the newest button with this id.`

await runCommand(USAGE, async () => {
  const { values } = parseArgs({
    options: {
      webhook: { type: 'string' },
      secret: { type: 'string' },
      port: { type: 'string', default: '0' },
      token: { type: 'string' },
      'verify-token': { type: 'string' },
      user: { type: 'string', default: '491700000001' },
      ledger: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(USAGE)
  const { webhook = '', secret = '', token, ledger, 'verify-token': verifyToken } = values
  if (!URL.canParse(webhook)) throw new UsageError('--webhook is missing or no URL: name where webhooks go.')
  if (secret === '') throw new UsageError('--secret is missing: name the app secret that signs webhooks.')
  const simulator = await startWhatsAppSimulator({
    webhookUrl: webhook,
    appSecret: secret,
    port: wholeNumber('--port', values.port, MAX_PORT),
    ...(token !== undefined && { token }),
    ...(verifyToken !== undefined && { verifyToken }),
    ...(ledger !== undefined && { ledgerFile: ledger }),
    onMessage: ({ text, buttons }) =>
      console.log(`business: ${[text, ...buttons.map(({ id, title }) => `[${title}] ${id}`)].join('\n  ')}`),
  })
  const person = simulator.user(values.user)
  console.log(
    `WhatsApp simulator at ${simulator.url} - phone number id ${simulator.phoneNumberId}, token ${simulator.token}`,
  )
  if (verifyToken !== undefined) {
    const { isVerified, status } = await simulator.verify()
    console.log(isVerified ? 'The webhook is verified.' : `The webhook did not give the challenge back (${status}).`)
  }
  talk({ says: (line) => person.says(line), presses: (id) => person.presses(id) })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void simulator.close().then(() => process.stdin.destroy()))
})
