import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Evidence, Receipt } from '../../domain/receipt.ts'

/** Signs what the verifier saw with an Ed25519 key of the gateway. */
export interface ReceiptSigner {
  readonly keyId: string
  /** SPKI DER, base64. */
  readonly publicKey: string
  sign(evidence: Evidence): Receipt
}

/** Opens the key in `file` (PKCS#8 PEM, mode 0600), making it on the first start. */
export function openReceiptSigner(file: string): ReceiptSigner {
  const privateKey = createPrivateKey(readOrCreate(file))
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const publicKey = der.toString('base64')
  const keyId = createHash('sha256').update(der).digest('hex').slice(0, 16)
  return {
    keyId,
    publicKey,
    sign(evidence) {
      const text = JSON.stringify(evidence)
      const signature = sign(null, Buffer.from(text), privateKey).toString('base64')
      return { version: 1, evidence: text, signature, publicKey, keyId }
    },
  }
}

function readOrCreate(file: string): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const made = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  try {
    // `wx`: of several processes that start at once one makes the key and all read it.
    writeFileSync(file, made, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(file, 'utf8')
}
