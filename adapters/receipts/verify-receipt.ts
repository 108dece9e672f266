import { createHash, createPublicKey, verify } from 'node:crypto'
import { GatewayError } from '../../domain/errors.ts'
import type { Evidence, Receipt } from '../../domain/receipt.ts'
import { receiptSchema } from '../../domain/schemas/receipt.ts'

/**
 * The evidence of a receipt signed by one of the trusted keys (SPKI DER, base64). Throws `receipt_invalid` for anything
 * else: a changed byte, a key of somebody else, another form. The key inside the receipt is never trusted by itself.
 */
export function verifyReceipt(bytes: Uint8Array, trusted: readonly string[]): Evidence {
  const receipt = parse(bytes)
  if (!trusted.includes(receipt.publicKey)) throw invalid('it is signed by a key this gateway did not publish')
  const der = Buffer.from(receipt.publicKey, 'base64')
  if (createHash('sha256').update(der).digest('hex').slice(0, 16) !== receipt.keyId)
    throw invalid('its key id does not belong to its key')
  if (!isSigned(receipt, der)) throw invalid('the signature does not fit the evidence')
  return JSON.parse(receipt.evidence) as Evidence
}

/** Whether this very spelling was signed: Base64 has several for the same bytes, and halves of characters all become one. */
function isSigned(receipt: Receipt, der: Buffer): boolean {
  const signature = Buffer.from(receipt.signature, 'base64')
  const evidence = Buffer.from(receipt.evidence)
  if (signature.toString('base64') !== receipt.signature || evidence.toString('utf8') !== receipt.evidence) return false
  try {
    return verify(null, evidence, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
  } catch {
    // No key, or one that signs nothing.
    return false
  }
}

function parse(bytes: Uint8Array): Receipt {
  try {
    // Bytes that are no character must not pass for the one that stands for all of them.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return receiptSchema.parse(JSON.parse(text))
  } catch {
    throw invalid('it has not the form of a receipt')
  }
}

const invalid = (why: string): GatewayError =>
  new GatewayError('receipt_invalid', `This is no valid receipt: ${why}. Ask the gateway for it again.`)
