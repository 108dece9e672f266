import { z } from 'zod'

/** A receipt as it travels; see `Receipt`. A field more or less is no receipt. */
export const receiptSchema = z.strictObject({
  version: z.literal(1),
  evidence: z.string(),
  signature: z.string(),
  publicKey: z.string(),
  keyId: z.string(),
})
