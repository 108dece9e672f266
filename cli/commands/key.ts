import { Option, type Command } from 'commander'
import { loadConfig } from '../../adapters/config.ts'
import { ROLES } from '../../domain/permissions.ts'
import type { ApiKey } from '../../domain/ports/store.ts'
import { connect } from '../client.ts'
import { print, table } from '../output.ts'

/** `ocg key …`: API keys. */
export function addKey(program: Command): void {
  const key = program.command('key').description('create, list and revoke API keys')
  key
    .command('create <name>')
    .description('make a key; it is shown once')
    .addOption(new Option('--role <role...>', 'what it may do').choices(ROLES).default(['submitter']))
    .option('--tenant <tenant>')
    .option('--expires-at <time>', 'RFC 3339')
    .option('--json', 'print JSON')
    .action(
      async (name: string, options: { role: string[]; tenant?: string; expiresAt?: string }, command: Command) => {
        const { role: roles, tenant, expiresAt } = options
        const gateway = await connect(loadConfig())
        const made = await gateway.json<ApiKey & { key: string }>('POST', '/v1/keys', {
          body: { name, roles, tenant, expiresAt },
        })
        print(command, {
          json: made,
          text: `${made.key}\n${made.id}, ${made.roles.join(' and ')} in ${made.tenant}; shown only now`,
        })
      },
    )
  key
    .command('list')
    .description('list keys')
    .option('--json', 'print JSON')
    .action(async (_options: unknown, command: Command) => {
      const page = await (await connect(loadConfig())).json<{ items: ApiKey[] }>('GET', '/v1/keys')
      const rows = page.items.map(({ id, name, roles, tenant, revokedAt, expiresAt }) => [
        ...[id, name, roles.join(','), tenant],
        revokedAt === undefined ? (expiresAt ?? 'does not expire') : `revoked ${revokedAt}`,
      ])
      print(command, { json: page, text: table(rows) })
    })
  key
    .command('revoke <id>')
    .description('end a key now')
    .option('--json', 'print JSON')
    .action(async (id: string, _options: unknown, command: Command) => {
      await (await connect(loadConfig())).json('DELETE', `/v1/keys/${encodeURIComponent(id)}`)
      print(command, { json: { id, revoked: true }, text: `${id} is revoked` })
    })
}
