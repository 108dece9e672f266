import { createHash } from 'node:crypto'

/** A SHA-256 as the service writes it, in base64 (webhooks) or hexadecimal (answers), in hexadecimal; else undefined. */
export function sha256In(written: unknown): string | undefined {
  if (typeof written !== 'string') return undefined
  if (/^[0-9a-f]{64}$/i.test(written)) return written.toLowerCase()
  return /^[\w+/-]{43}=?$/.test(written) ? Buffer.from(written, 'base64').toString('hex') : undefined
}

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
