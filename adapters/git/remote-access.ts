import { homedir } from 'node:os'
import { GatewayError } from '../../domain/errors.ts'
import { publicAddressesOf } from '../network/public-address.ts'
import { secretOf } from '../credential-file.ts'
import type { ResolvedRepository } from './repository-policy.ts'

/** The longest silence of a remote that is there: git's own servers say a word every five seconds while they work. */
export const REMOTE_SILENCE_MS = 60_000

/**
 * The environment with which git reaches a repository: credentials the operator configured, the addresses the name was
 * checked for, how long its silence is borne. In variables, never in arguments or URLs, where other processes and logs
 * would see them.
 */
export async function remoteAccess(
  repository: ResolvedRepository,
  silenceMs: number,
): Promise<Readonly<Record<string, string>>> {
  if (repository.scheme === 'file') return {}
  const silenceS = Math.ceil(silenceMs / 1_000)
  const settings: (readonly [string, string])[] = [
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', String(silenceS)],
  ]
  if (!repository.known && repository.scheme === 'https') settings.push(...(await pinned(repository)))
  else if (!repository.known && !(await publicAddressesOf(repository.host))) throw notPublic(repository)
  if (repository.scheme === 'ssh')
    return { ...asVariables(settings), HOME: homedir(), GIT_SSH_COMMAND: sshCommand(repository, silenceS) }
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

/** Four questions without an answer are a silence. */
const ALIVE_QUESTIONS = 4

function sshCommand({ known }: ResolvedRepository, silenceS: number): string {
  const alive = `-o ServerAliveInterval=${Math.ceil(silenceS / ALIVE_QUESTIONS)} -o ServerAliveCountMax=${ALIVE_QUESTIONS}`
  const key =
    known?.credentialFile === undefined ? '' : ` -o IdentitiesOnly=yes -i ${JSON.stringify(known.credentialFile)}`
  return `ssh -o BatchMode=yes ${alive}${key}`
}

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
