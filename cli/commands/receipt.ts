import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { loadConfig } from '../../adapters/config.ts'
import { verifyReceipt } from '../../adapters/receipts/verify-receipt.ts'
import { GatewayError } from '../../domain/errors.ts'
import type { Evidence } from '../../domain/receipt.ts'
import { connect } from '../client.ts'
import { print } from '../output.ts'

/** `ocg receipt verify`: whether a verification really took place as it says. */
export function addReceipt(program: Command): void {
  program
    .command('receipt')
    .description('check signed receipts')
    .command('verify <receipt>')
    .description('check a receipt: a file, - for standard input, or the id of a task')
    .option('--public-key <base64>', 'trusted key, SPKI DER; without it the gateway is asked for its own')
    .option('--json', 'print JSON')
    .action(async (source: string, options: { publicKey?: string }, command: Command) => {
      const trusted = options.publicKey === undefined ? await publishedKeys() : [options.publicKey]
      const evidence = verifyReceipt(await readReceipt(source), trusted)
      print(command, { json: { ok: true, evidence }, text: evidenceText(evidence) })
    })
}

async function publishedKeys(): Promise<readonly string[]> {
  const gateway = await connect(loadConfig())
  const { items } = await gateway.json<{ items: { publicKey: string }[] }>('GET', '/v1/receipt-keys')
  return items.map(({ publicKey }) => publicKey)
}

async function readReceipt(source: string): Promise<Uint8Array> {
  if (/^task-[0-9A-Za-z]+$/.test(source)) return (await connect(loadConfig())).bytes(`/v1/tasks/${source}/receipt`)
  try {
    return readFileSync(source === '-' ? 0 : source)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new GatewayError('invalid_request', `${source} cannot be read (${code}). Give a file, - or a task's id.`)
  }
}

function evidenceText(evidence: Evidence): string {
  return [
    `valid: ${evidence.taskId}, verdict ${evidence.verdict}`,
    `commit ${evidence.commit} (from ${evidence.baseCommit}), verified ${evidence.verifiedAt}`,
    ...[...evidence.setup, ...evidence.commands].map(({ command, exitCode }) => `  ${exitCode}  ${command}`),
  ].join('\n')
}
