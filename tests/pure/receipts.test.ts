import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openReceiptSigner, type ReceiptSigner } from '../../adapters/receipts/receipt-signer.ts'
import { verifyReceipt } from '../../adapters/receipts/verify-receipt.ts'
import type { Receipt } from '../../domain/receipt.ts'
import { sampleEvidence } from '../support/evidence.ts'
import { refusal } from '../support/refusal.ts'

let folder: string
let signer: ReceiptSigner
let receipt: Receipt
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ocg-receipts-'))
  signer = openReceiptSigner(join(folder, 'keys/receipt.key'))
  receipt = signer.sign(sampleEvidence)
})
afterAll(() => rmSync(folder, { recursive: true }))

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const verify = (bytes: Uint8Array) => verifyReceipt(bytes, [signer.publicKey])
const isRefused = (bytes: Uint8Array): boolean => {
  try {
    verify(bytes)
    return false
  } catch {
    return true
  }
}

describe('the signing key', () => {
  it('is made once, in a folder that need not exist, and opened again after that', () => {
    const file = join(folder, 'new/deep/receipt.key')
    const first = openReceiptSigner(file)
    const made = readFileSync(file, 'utf8')
    expect(made).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
    const second = openReceiptSigner(file)
    expect([second.publicKey, second.keyId]).toEqual([first.publicKey, first.keyId])
    expect(readFileSync(file, 'utf8')).toBe(made)
  })

  it('may be read by its owner only', () => {
    expect(statSync(join(folder, 'keys/receipt.key')).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700)
  })

  it('is another one in another file', () => {
    expect(openReceiptSigner(join(folder, 'other.key')).keyId).not.toBe(signer.keyId)
  })

  it('that is damaged stops the start instead of being replaced', () => {
    const file = join(folder, 'damaged.key')
    writeFileSync(file, 'not a key')
    expect(() => openReceiptSigner(file)).toThrow(/./)
    expect(readFileSync(file, 'utf8')).toBe('not a key')
  })
})

describe('a receipt', () => {
  it('gives its evidence back, whole, to who trusts its key', () => {
    expect(verify(bytesOf(receipt))).toEqual(sampleEvidence)
  })

  it('may be laid out otherwise, and its fields may stand in any order', () => {
    const turned = Object.fromEntries(Object.entries(receipt).toReversed())
    expect(verify(Buffer.from(JSON.stringify(turned, null, 2)))).toEqual(sampleEvidence)
  })

  it('is the same for the same evidence', () => {
    expect(signer.sign(sampleEvidence)).toEqual(receipt)
  })

  it('of one of several published keys is good', () => {
    const former = openReceiptSigner(join(folder, 'former.key'))
    const trusted = [signer.publicKey, former.publicKey]
    expect(verifyReceipt(bytesOf(former.sign(sampleEvidence)), trusted)).toEqual(sampleEvidence)
  })
})

describe('a changed byte', () => {
  /** Neighbours of every kind: another bit, letters of the other case, digits, what JSON and UTF-8 give a meaning. */
  const replacements = (byte: number): readonly number[] => [
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((bit) => byte ^ (1 << bit)),
    ...Buffer.from('"\\{}[]:,0 aA'),
    ...[0x00, 0x7f, 0x80, 0xc2, 0xf0, 0xff],
  ]

  it('is refused at every place of the receipt', () => {
    const original = bytesOf(receipt)
    const accepted: string[] = []
    for (const [place, byte] of original.entries())
      for (const other of new Set(replacements(byte))) {
        if (other === byte) continue
        const changed = Buffer.from(original)
        changed[place] = other
        if (!isRefused(changed)) accepted.push(`${place}: ${byte} → ${other}`)
      }
    expect(accepted).toEqual([])
  })

  it('is refused at every place also when it is missing or one too many', () => {
    const original = bytesOf(receipt)
    const accepted = [...original.keys()].filter((place) => {
      const [before, after] = [original.subarray(0, place), original.subarray(place)]
      const longer = Buffer.concat([before, Buffer.from('x'), after])
      return !isRefused(Buffer.concat([before, after.subarray(1)])) || !isRefused(longer)
    })
    expect(accepted).toEqual([])
  })
})

describe('no receipt is', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['nothing', () => '', /form/],
    ['a list', () => [receipt], /form/],
    ['one of another version', () => ({ ...receipt, version: 2 }), /form/],
    ['one with a field more', () => ({ ...receipt, verdict: 'passed' }), /form/],
    ['one without its signature', () => ({ ...receipt, signature: undefined }), /form/],
    ['one with an empty signature', () => ({ ...receipt, signature: '' }), /signature/],
    ['one with the evidence as an object', () => ({ ...receipt, evidence: sampleEvidence }), /form/],
    ['the same evidence in another order', () => ({ ...receipt, evidence: reordered(receipt.evidence) }), /signature/],
    ['the signature in another spelling', () => ({ ...receipt, signature: `${receipt.signature}=` }), /signature/],
    [
      'one with line breaks in the signature',
      () => ({ ...receipt, signature: wrapped(receipt.signature) }),
      /signature/,
    ],
    ['one with another key id', () => ({ ...receipt, keyId: 'f'.repeat(16) }), /key id/],
    ['one of a key nobody published', () => strangers().sign(sampleEvidence), /did not publish/],
    ['one with a published key it was not signed with', () => disguised(), /signature/],
    ['half of a character for the sign of a broken one', () => bent(), /signature/],
  ])('%s', (_what, make, why) => {
    const { code, message } = refusal(() => verify(bytesOf(make())))
    expect(code).toBe('receipt_invalid')
    expect(message).toMatch(why)
  })

  it('one with a byte order mark', () => {
    expect(isRefused(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytesOf(receipt)]))).toBe(true)
  })

  it('anything when nobody is trusted', () => {
    expect(refusal(() => verifyReceipt(bytesOf(receipt), [])).message).toContain('did not publish')
  })

  it.each([
    ['that is no key at all', Buffer.from('garbage')],
    ['of another kind', generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'der' })],
  ])('one that names a trusted key %s', (_what, der) => {
    const publicKey = der.toString('base64')
    const named = { ...receipt, publicKey, keyId: sha256Start(der) }
    expect(refusal(() => verifyReceipt(bytesOf(named), [publicKey])).code).toBe('receipt_invalid')
  })
})

const strangers = () => openReceiptSigner(join(folder, 'stranger.key'))
const disguised = (): Receipt => ({
  ...strangers().sign(sampleEvidence),
  publicKey: receipt.publicKey,
  keyId: receipt.keyId,
})
const reordered = (text: string): string =>
  JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).toReversed()))
const wrapped = (text: string): string => `${text.slice(0, 40)}\n${text.slice(40)}`
const bent = (): Receipt => ({ ...receipt, evidence: receipt.evidence.replace('\ufffd', '\ud800') })
const sha256Start = (der: Buffer): string => createHash('sha256').update(der).digest('hex').slice(0, 16)
