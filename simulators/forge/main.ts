import { parseArgs } from 'node:util'
import { MAX_PORT, runCommand, UsageError, wholeNumber } from '../webhook/command-line.ts'
import { startForgeSimulator } from './server.ts'

const USAGE = `Usage: node bin/run.mjs simulators/forge/main.ts [options]
  --port N              port on 127.0.0.1, default 0: a free one
  --kind KIND           github (the default) or gitea
  --token TOKEN         what clients have to show; default: one that is printed
  --repository NAME[=PATH]  a repository of the owner acme, a copy of the one at PATH or with a README alone;
                        may be given several times, default "demo"
  --ledger FILE         gets a line of JSON for each call
  --help                shows this

Each pull request is printed.`

await runCommand(USAGE, async () => {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      kind: { type: 'string', default: 'github' },
      token: { type: 'string' },
      repository: { type: 'string', multiple: true, default: ['demo'] },
      ledger: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(USAGE)
  const { kind, token, ledger } = values
  if (kind !== 'github' && kind !== 'gitea') throw new UsageError(`--kind is ${kind}: give github or gitea.`)
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) throw new UsageError('--token has blanks or is empty.')
  const named = values.repository.map((one) => /^([A-Za-z0-9][\w.-]*)(?:=(.+))?$/.exec(one))
  if (named.includes(null)) throw new UsageError('--repository is no NAME or NAME=PATH.')
  const simulator = await startForgeSimulator({
    kind,
    port: wholeNumber('--port', values.port, MAX_PORT),
    ...(token !== undefined && { token }),
    ...(ledger !== undefined && { ledgerFile: ledger }),
    onPull: (page) => console.log(`pull request: ${page}`),
  })
  console.log(`Forge simulator at ${simulator.url} - REST at ${simulator.apiUrl}, the token is ${simulator.token}`)
  for (const [, name = '', source] of named.flatMap((one) => (one ? [one] : []))) {
    simulator.createRepository(name, source)
    console.log(`repository: ${simulator.cloneUrl(name)}`)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.close())
})
