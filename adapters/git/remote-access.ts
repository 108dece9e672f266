import { homedir } from 'node:os'
import { GatewayError } from '../../domain/errors.ts'
import { publicAddressesOf } from '../network/public-address.ts'
import { secretOf } from '../credential-file.ts'
import type { ResolvedRepository } from './repository-policy.ts'

/**
 * The environment with which git reaches a repository: credentials the operator configured, the addresses the name was
 * checked for. In variables, never in arguments or URLs, where other processes and logs would see them.
 */
export async function remoteAccess(repository: ResolvedRepository): Promise<Readonly<Record<string, string>>> {
  if (repository.scheme === 'file') return {}
  const settings: (readonly [string, string])[] = []
  if (!repository.known && repository.scheme === 'https') settings.push(...(await pinned(repository)))
  else if (!repository.known && !(await publicAddressesOf(repository.host))) throw notPublic(repository)
  if (repository.scheme === 'ssh')
    return { ...asVariables(settings), HOME: homedir(), GIT_SSH_COMMAND: sshCommand(repository) }
  const secret = secretOf(repository.known, 'repository_unreachable')
  if (secret !== undefined) settings.push(['http.extraHeader', `Authorization: ${authorization(secret)}`])
  return asVariables(settings)
}

async function pinned({ url, host }: ResolvedRepository): Promise<(readonly [string, string])[]> {
  const addresses = await publicAddressesOf(host)
  if (!addresses) throw notPublic({ url, host })
  const port = new URL(url).port || '443'
  return [['http.curloptResolve', `${host}:${port}:${addresses.join(',')}`]]
}

/** A bare token goes in as the password, as the large forges want it. */
const authorization = (secret: string): string =>
  `Basic ${Buffer.from(secret.includes(':') ? secret : `x-access-token:${secret}`).toString('base64')}`

const sshCommand = ({ known }: ResolvedRepository): string =>
  known?.credentialFile === undefined
    ? 'ssh -o BatchMode=yes'
    : `ssh -o BatchMode=yes -o IdentitiesOnly=yes -i ${JSON.stringify(known.credentialFile)}`

function asVariables(settings: readonly (readonly [string, string])[]): Record<string, string> {
  const pairs = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key] as const,
    [`GIT_CONFIG_VALUE_${index}`, value] as const,
  ])
  return { GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(pairs) }
}

const notPublic = ({ url, host }: Pick<ResolvedRepository, 'url' | 'host'>): GatewayError =>
  new GatewayError(
    'repository_unreachable',
    `The repository ${url} cannot be reached: ${host} has no address, or one that is not public. Check the URL; inner hosts must be listed in REPOSITORIES_FILE.`,
    { retryable: true },
  )
