import { STATUS_CODES, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { GatewayError } from '../domain/errors.ts'
import { problemOf } from './problem.ts'

/** Answers what is not HTTP enough to reach a route with a problem too. */
export function answerMalformedRequests(server: Server): void {
  const answers = new WeakMap<Duplex, ServerResponse>()
  server.on('request', ({ socket }, response) => void answers.set(socket, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answer = answers.get(socket)
    // In the middle of an answer a second one would be taken for a part of it.
    const isAnswering = answer !== undefined && answer.headersSent && !answer.writableEnded
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) socket.destroy()
    else void rawProblem(error).then((text) => socket.end(text, () => socket.destroy()))
  })
}

/** The problem of a request that Node or the adapter could not read. */
export function malformedRequest({ code, message }: NodeJS.ErrnoException): GatewayError {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new GatewayError('headers_too_large', 'The headers are larger than 16 KiB. Send less, or use the body.')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new GatewayError('request_timeout', 'The request did not arrive in time. Send it again on a new connection.')
  return new GatewayError('malformed_request', `This is not a well-formed HTTP request: ${message}.`)
}

async function rawProblem(error: Error): Promise<string> {
  const problem = problemOf(malformedRequest(error))
  const body = await problem.text()
  const headers = [...problem.headers, ['content-length', String(Buffer.byteLength(body))], ['connection', 'close']]
  const lines = headers.map(([name, value]) => `${name}: ${value}`)
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}
