import { readFileSync } from 'node:fs'
import { Client } from '@temporalio/client'
import { NativeConnection } from '@temporalio/worker'
import type { Config } from '../config.ts'

/** Where Temporal is and how to speak to it. */
export interface TemporalTarget {
  readonly address: string
  readonly namespace: string
}

function optionsFor(config: Config, target: TemporalTarget) {
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path))
  const certificate = read(config.TEMPORAL_TLS_CLIENT_CERT_PATH)
  const key = read(config.TEMPORAL_TLS_CLIENT_KEY_PATH)
  const authority = read(config.TEMPORAL_TLS_SERVER_CA_CERT_PATH)
  const serverName = config.TEMPORAL_TLS_SERVER_NAME
  const tls =
    certificate || authority || serverName !== undefined
      ? {
          ...(certificate && key && { clientCertPair: { crt: certificate, key } }),
          ...(authority && { serverRootCACertificate: authority }),
          ...(serverName !== undefined && { serverNameOverride: serverName }),
        }
      : undefined
  return {
    address: target.address,
    ...(config.TEMPORAL_API_KEY !== undefined && { apiKey: config.TEMPORAL_API_KEY }),
    // An API key alone turns TLS on, as in Temporal's own clients.
    ...(tls ? { tls } : config.TEMPORAL_API_KEY !== undefined && { tls: true }),
  }
}

/** A connection for workers; its client starts workflows eagerly on the same process. */
export async function connectWorker(
  config: Config,
  target: TemporalTarget,
): Promise<{ readonly connection: NativeConnection; readonly client: Client }> {
  const connection = await NativeConnection.connect(optionsFor(config, target))
  return { connection, client: new Client({ connection, namespace: target.namespace }) }
}
