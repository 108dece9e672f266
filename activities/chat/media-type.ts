import { isUtf8 } from 'node:buffer'

/** What the bytes of a file begin with. WebP stands in a container that names its size before its kind. */
const SIGNATURES: readonly { readonly mediaType: string; readonly form: RegExp }[] = [
  { mediaType: 'image/png', form: /^\x89PNG\r\n[^]\n/ },
  { mediaType: 'image/jpeg', form: /^\xff\xd8\xff/ },
  { mediaType: 'image/webp', form: /^RIFF[^]{4}WEBP/ },
  { mediaType: 'application/pdf', form: /^%PDF-\d/ },
]

/** Texts that do not say so by their type. `video/mp2t` is what senders make of a TypeScript file by its ending. */
const TEXTS =
  /^(text\/.+|application\/(.+[+-])?(json|xml|yaml|toml|javascript|typescript|sql|sh|python|php)|video\/mp2t)$/
/** The sender's program knew no better: the bytes alone decide. */
const UNSAID = ['', 'application/octet-stream', 'binary/octet-stream']

/**
 * The type of a file the model can read, else undefined: by its bytes, and only when the sender named it so or named
 * nothing. Every text is `text/plain`.
 */
export function readableType(bytes: Uint8Array, claimed = ''): string | undefined {
  const head = Buffer.from(bytes.subarray(0, 16)).toString('latin1')
  const signed = SIGNATURES.find(({ form }) => form.test(head))?.mediaType
  const mediaType = signed ?? (isText(bytes) ? 'text/plain' : undefined)
  const [named = ''] = claimed.toLowerCase().split(';')
  if (UNSAID.includes(named.trim())) return mediaType
  return mediaType === (TEXTS.test(named.trim()) ? 'text/plain' : named.trim()) ? mediaType : undefined
}

/** The model is sent text as JSON, and PostgreSQL holds no NUL. */
const isText = (bytes: Uint8Array): boolean => bytes.length > 0 && isUtf8(bytes) && !bytes.includes(0)
