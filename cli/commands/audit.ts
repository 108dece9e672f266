import type { Command } from 'commander'
import { loadConfig } from '../../adapters/config.ts'
import { connect } from '../client.ts'
import { print } from '../output.ts'

interface Verification {
  readonly ok: boolean
  readonly checked: number
  readonly head: string
  readonly firstBad?: number
}

/** `ocg audit …`: the immutable audit log. */
export function addAudit(program: Command): void {
  const audit = program.command('audit').description('check and export the audit log')
  audit
    .command('verify')
    .description('check the chain; exits 1 when a row was changed')
    .option('--json', 'print JSON')
    .action(async (_options: unknown, command: Command) => {
      const found = await (await connect(loadConfig())).json<Verification>('GET', '/v1/audit/verify')
      const text = found.ok ? `ok: ${found.checked} rows, head ${found.head}` : `broken at row ${found.firstBad}`
      print(command, { json: found, text })
      process.exitCode = found.ok ? 0 : 1
    })
  audit
    .command('export')
    .description('print every row, one JSON document a line')
    .option('--json', 'as without it')
    .action(async () => {
      const gateway = await connect(loadConfig())
      for (let cursor: string | null = ''; cursor !== null;) {
        const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
        const page = await gateway.json<{ items: object[]; nextCursor: string | null }>(
          'GET',
          `/v1/audit?limit=200${query}`,
        )
        for (const row of page.items) process.stdout.write(`${JSON.stringify(row)}\n`)
        cursor = page.nextCursor
      }
    })
}
