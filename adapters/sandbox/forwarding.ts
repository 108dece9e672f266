import { readFileSync, realpathSync } from 'node:fs'
import type { Mount } from './mounts.ts'

const SOCKET = '/run/openclaw/proxy.sock'
/** A port of the sandbox's own loopback; nothing else listens there. */
const PORT = 3128
const ADDRESS = `http://127.0.0.1:${PORT}`
const INNER = '127.0.0.1,localhost'

/** The names under which curl, wget, git, pip, cargo, go, npm, yarn and Node look for a proxy. */
const ENVIRONMENT = {
  HTTP_PROXY: ADDRESS,
  HTTPS_PROXY: ADDRESS,
  NO_PROXY: INNER,
  http_proxy: ADDRESS,
  https_proxy: ADDRESS,
  no_proxy: INNER,
  npm_config_proxy: ADDRESS,
  npm_config_https_proxy: ADDRESS,
  npm_config_noproxy: INNER,
  YARN_HTTP_PROXY: ADDRESS,
  YARN_HTTPS_PROXY: ADDRESS,
  NODE_USE_ENV_PROXY: '1',
}

/** How a command gets from its empty network to the proxy. */
export interface Forwarding {
  readonly mounts: readonly Mount[]
  /** Words before the command. */
  readonly words: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** Gives commands a way to the unix socket of a proxy, and to nothing else. */
export function createForwarding(): (socket: string) => Forwarding {
  const script = readFileSync(new URL('./forward-to-proxy.cjs', import.meta.url), 'utf8')
  const words = [realpathSync(process.execPath), '--eval', script, '--', String(PORT), SOCKET]
  return (socket) => ({ mounts: [['--ro-bind', socket, SOCKET]], words, environment: ENVIRONMENT })
}
