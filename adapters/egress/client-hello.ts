/** What the first bytes of a connection say: too few yet, no TLS, or the server they name. */
export type Greeting =
  | { readonly type: 'incomplete' }
  | { readonly type: 'other' }
  | { readonly type: 'tls'; readonly serverName: string | undefined }

const HANDSHAKE = 0x16
const CLIENT_HELLO = 1
const SERVER_NAME = 0
const RECORD_HEADER = 5
const MESSAGE_HEADER = 4
const VERSION_AND_RANDOM = 34

/** Reads the server name of a TLS client's greeting (RFC 8446 §4.1.2, RFC 6066 §3). */
export function readGreeting(bytes: Buffer): Greeting {
  const message = messageIn(bytes)
  if (!Buffer.isBuffer(message)) return message
  if (message[0] !== CLIENT_HELLO) return { type: 'other' }
  const length = message.readUIntBE(1, 3)
  if (message.length < MESSAGE_HEADER + length) return { type: 'incomplete' }
  try {
    return { type: 'tls', serverName: serverNameIn(message.subarray(MESSAGE_HEADER, MESSAGE_HEADER + length)) }
  } catch {
    // Lengths that lead past the end.
    return { type: 'other' }
  }
}

/** The handshake message, which may be spread over several records. */
function messageIn(bytes: Buffer): Buffer | Greeting {
  const parts: Buffer[] = []
  let at = 0
  while (bytes.length - at >= RECORD_HEADER) {
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3) return { type: 'other' }
    const end = at + RECORD_HEADER + bytes.readUInt16BE(at + 3)
    parts.push(bytes.subarray(at + RECORD_HEADER, end))
    at = end
  }
  const message = Buffer.concat(parts)
  if (message.length >= MESSAGE_HEADER) return message
  return bytes.length > 0 && bytes[0] !== HANDSHAKE ? { type: 'other' } : { type: 'incomplete' }
}

function serverNameIn(hello: Buffer): string | undefined {
  const session = VERSION_AND_RANDOM + 1 + hello.readUInt8(VERSION_AND_RANDOM)
  const ciphers = session + 2 + hello.readUInt16BE(session)
  let at = ciphers + 1 + hello.readUInt8(ciphers)
  const end = at + 2 + hello.readUInt16BE(at)
  at += 2
  while (at < end) {
    const [type, length] = [hello.readUInt16BE(at), hello.readUInt16BE(at + 2)]
    at += 4
    // A list of one: its length, the kind `host_name`, the length of the name.
    if (type === SERVER_NAME) return hello.toString('latin1', at + 5, at + 5 + hello.readUInt16BE(at + 3)).toLowerCase()
    at += length
  }
  return undefined
}
