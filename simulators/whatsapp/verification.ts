/** How the product answered the handshake. */
export interface Verification {
  readonly status: number
  readonly body: string
  /** 200 with the bare challenge. */
  readonly isVerified: boolean
}

/** Asks the product's webhook whether it wants to be one. */
export async function verifyWebhook(
  webhookUrl: string,
  { verifyToken, challenge }: { readonly verifyToken: string; readonly challenge: string },
): Promise<Verification> {
  const url = new URL(webhookUrl)
  url.searchParams.set('hub.mode', 'subscribe')
  url.searchParams.set('hub.challenge', challenge)
  url.searchParams.set('hub.verify_token', verifyToken)
  const response = await fetch(url, { redirect: 'manual' })
  const body = await response.text()
  return { status: response.status, body, isVerified: response.status === 200 && body === challenge }
}
