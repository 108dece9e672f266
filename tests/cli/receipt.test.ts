import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openReceiptSigner } from '../../adapters/receipts/receipt-signer.ts'
import { sampleEvidence } from '../support/evidence.ts'
import { useRecordingGateway } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()
const signer = () => openReceiptSigner(join(gateway().dataDirectory, 'receipt.key'))
const publish = (...keys: readonly string[]) =>
  gateway().on('GET /v1/receipt-keys', { json: { items: keys.map((publicKey) => ({ publicKey })) } })

/** Writes a receipt, changed if wanted, to a file. */
function receiptFile(change: (text: string) => string | Buffer = (text) => text): string {
  const file = join(gateway().dataDirectory, 'receipt.json')
  writeFileSync(file, change(JSON.stringify(signer().sign(sampleEvidence))))
  return file
}

describe('ocg receipt verify', () => {
  it('of a file with a trusted key asks nobody and shows what was verified', async () => {
    const { code, stdout } = await gateway().ocg([
      ...['receipt', 'verify', receiptFile(), '--public-key', signer().publicKey],
    ])
    expect([code, stdout]).toEqual([
      0,
      [
        `valid: task-01, verdict failed`,
        `commit ${'c'.repeat(40)} (from ${'b'.repeat(40)}), verified 2026-11-25T10:00:00.000Z`,
        '  0  npm ci',
        '  1  npm test',
        '',
      ].join('\n'),
    ])
    expect(gateway().requests).toEqual([])
  })

  it('of a task fetches the receipt and the published keys', async () => {
    publish('a former key', signer().publicKey)
    gateway().on('GET /v1/tasks/task-01/receipt', { json: signer().sign(sampleEvidence) })
    const { code, stdout } = await gateway().ocg(['receipt', 'verify', 'task-01', '--json'])
    expect([code, JSON.parse(stdout)]).toEqual([0, { ok: true, evidence: sampleEvidence }])
  })

  it('reads standard input for -', async () => {
    const file = receiptFile()
    publish(signer().publicKey)
    const { code, stdout } = await gateway().shell(`cat '${file}' | ocg receipt verify -`)
    expect([code, stdout.split('\n')[0]]).toEqual([0, 'valid: task-01, verdict failed'])
  })

  it.each([
    ['a changed verdict', (text: string) => text.replace('\\"failed\\"', '\\"passed\\"')],
    ['half a receipt', (text: string) => text.slice(0, -20)],
    ['an empty file', () => ''],
    ['an exit code of 0', (text: string) => text.replace('\\"exitCode\\":1', '\\"exitCode\\":0')],
    ['a byte of a character that was broken before', (text: string) => withByte(text, { of: '\ufffd', to: 0xf0 })],
  ])('refuses %s with exit code 1', async (_what, change) => {
    const words = ['receipt', 'verify', receiptFile(change), '--public-key', signer().publicKey]
    const { code, stdout, stderr } = await gateway().ocg(words)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^receipt_invalid: This is no valid receipt: .*\. Ask the gateway for it again\.\n$/)
  })

  it('refuses a receipt of a key the gateway did not publish', async () => {
    publish(openReceiptSigner(join(gateway().dataDirectory, 'other.key')).publicKey)
    const { code, stderr } = await gateway().ocg(['receipt', 'verify', receiptFile()])
    expect(code).toBe(1)
    expect(stderr).toContain('it is signed by a key this gateway did not publish')
  })

  it('exits 2 for a file that cannot be read', async () => {
    const { code, stderr } = await gateway().ocg(['receipt', 'verify', './absent.json', '--public-key', 'x'])
    expect([code, stderr]).toEqual([
      2,
      `invalid_request: ./absent.json cannot be read (ENOENT). Give a file, - or a task's id.\n`,
    ])
  })
})

/** Changes the first byte of a character. */
function withByte(text: string, byte: { readonly of: string; readonly to: number }): Buffer {
  const bytes = Buffer.from(text)
  bytes[bytes.indexOf(byte.of)] = byte.to
  return bytes
}
