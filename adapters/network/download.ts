import { MAX_FILE_BYTES } from '../../domain/limits.ts'
import type { Download } from '../../domain/ports/channel.ts'

/** Slower than half a megabyte a second is no way to send a file; the step that asks for it has half a minute. */
export const DOWNLOAD_LIMIT_MS = 15_000

/** Addresses expire, and services are busy or unwell: asked again, with a new address, they may give the file. */
const LATER = [401, 403, 404, 408, 410, 429]

/** Gets a file, at most `MAX_FILE_BYTES` of it. It follows no redirect, as one would take the credential along. */
export async function download(
  address: URL,
  { headers = {}, signal }: { readonly headers?: Record<string, string>; readonly signal: AbortSignal },
): Promise<Download> {
  const response = await fetch(address, { headers, signal, redirect: 'error' })
  if (response.ok) return taken(response)
  await response.body?.cancel()
  const reason = `${response.status}`
  return { type: LATER.includes(response.status) || response.status >= 500 ? 'later' : 'gone', reason }
}

async function taken(response: Response): Promise<Download> {
  if (Number(response.headers.get('content-length') ?? 0) > MAX_FILE_BYTES) {
    await response.body?.cancel()
    return { type: 'too-large' }
  }
  const pieces: Uint8Array[] = []
  let size = 0
  // Breaking off cancels the rest.
  for await (const piece of response.body ?? []) {
    size += piece.length
    if (size > MAX_FILE_BYTES) return { type: 'too-large' }
    pieces.push(piece)
  }
  return { type: 'file', bytes: Buffer.concat(pieces) }
}

/** What a download that broke says. Not the error's own words: they may hold the address, and so a token. */
export function brokenDownload(error: unknown): Download {
  const { cause, name } = error as Error
  const { code } = (cause ?? error) as { readonly code?: unknown }
  return { type: 'later', reason: typeof code === 'string' ? code : name }
}
