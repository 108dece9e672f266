import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Answer, WholeRequest } from '../webhook/local-server.ts'
import { gitEnvironment } from './repositories.ts'

const SERVICE = /^\/([\w.-]+)\/([\w.-]+?)(?:\.git)?(\/(?:info\/refs|git-upload-pack|git-receive-pack))$/

/** What a path asks of git; undefined when it is none of git's. */
export function gitPath(path: string): { owner: string; name: string; service: string } | undefined {
  const [, owner, name, service] = SERVICE.exec(path) ?? []
  return owner && name && service ? { owner, name, service } : undefined
}

/** Whether the request carries the token as a password; the name before it is anybody's. */
export function hasPassword({ authorization }: WholeRequest['headers'], token: string): boolean {
  const [, encoded = ''] = /^Basic (.+)$/i.exec(authorization ?? '') ?? []
  const [user, ...password] = Buffer.from(encoded, 'base64').toString().split(':')
  return user !== '' && password.join(':') === token
}

export const passwordWanted: Answer = {
  kind: 'answer',
  status: 401,
  headers: { 'www-authenticate': 'Basic realm="GitHub"', 'content-type': 'text/plain' },
  body: 'Invalid username or token. Password authentication is not supported for Git operations.',
}

/** Git's own server answers: `git http-backend` as a CGI program below `root`. */
export async function serveGit(
  request: WholeRequest,
  path: { readonly owner: string; readonly name: string; readonly service: string; readonly root: string },
): Promise<Answer> {
  const { method, url, headers, body } = request
  const { owner, name, service, root } = path
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend')
  const output = await outputOf(program, body, {
    ...gitEnvironment(root),
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: `/${owner}/${name}.git${service}`,
    REQUEST_METHOD: method,
    QUERY_STRING: url.search.slice(1),
    REMOTE_USER: 'x-access-token',
    REMOTE_ADDR: '127.0.0.1',
    CONTENT_TYPE: headers['content-type'] ?? '',
    CONTENT_LENGTH: String(body.length),
    ...(headers['content-encoding'] !== undefined && { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
    ...(headers['git-protocol'] !== undefined && { GIT_PROTOCOL: String(headers['git-protocol']) }),
  })
  return answerIn(output)
}

async function outputOf(program: string, input: Buffer, env: Readonly<Record<string, string>>): Promise<Buffer> {
  const child = spawn(program, { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const pieces: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => pieces.push(piece))
  // It may refuse before it has read everything.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return Buffer.concat(pieces)
}

/** A CGI answer: headers, an empty line, the body. */
function answerIn(output: Buffer): Answer {
  const end = output.indexOf('\r\n\r\n')
  const lines = output.subarray(0, end).toString().split('\r\n')
  const headers = Object.fromEntries(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]))
  const { Status: status = '200', ...others } = headers
  return { kind: 'answer', status: Number.parseInt(status, 10), headers: others, body: output.subarray(end + 4) }
}
