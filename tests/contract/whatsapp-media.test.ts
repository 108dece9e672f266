import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createWhatsAppChannel } from '../../adapters/whatsapp/whatsapp-channel.ts'

/** What the strict simulator never does: an address that leads elsewhere. */
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Downloads from a service that gives files out at this address; counts who else was asked. */
async function download(addressOf: (at: { readonly graph: string; readonly elsewhere: string }) => string) {
  let askedElsewhere = 0
  const elsewhere = await serve((_, response) => {
    askedElsewhere++
    response.end('stolen')
  })
  const graph: string = await serve(({ url, headers }, response) => {
    if (url === '/v23.0/18') response.end(JSON.stringify({ url: addressOf({ graph, elsewhere }) }))
    else if (url === '/redirect') response.writeHead(302, { location: elsewhere }).end()
    else response.end(headers.authorization)
  })
  const channel = createWhatsAppChannel({ accessToken: 'EAA', phoneNumberId: '1', apiUrl: graph })
  return { ...(await channel.download({ reference: '18' })), askedElsewhere }
}

it('a file is fetched with the token from the address of the service itself', async () => {
  expect(await download(({ graph }) => `${graph}/file`)).toMatchObject({
    type: 'file',
    bytes: Buffer.from('Bearer EAA'),
  })
})

it.each<[string, Parameters<typeof download>[0]]>([
  ['another host', ({ elsewhere }) => `${elsewhere}/file`],
  ['a host that begins alike', ({ graph }) => `${graph}.example.org/file`],
  ['the service as a user name', ({ graph, elsewhere }) => elsewhere.replace('//', `//${new URL(graph).host}@`)],
  ['the store of media without TLS', () => 'http://lookaside.fbsbx.com/file'],
  ['no address at all', () => 'file:///etc/passwd'],
])('%s never sees the token', async (_, addressOf) => {
  const { askedElsewhere, ...outcome } = await download(addressOf)
  expect(outcome).toEqual({ type: 'gone', reason: 'its address is not WhatsApp’s' })
  expect(askedElsewhere).toBe(0)
})

it('a redirect is not followed', async () => {
  const { askedElsewhere, type } = await download(({ graph }) => `${graph}/redirect`)
  expect([type, askedElsewhere]).toEqual(['later', 0])
})
