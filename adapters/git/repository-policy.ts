import { realpathSync } from 'node:fs'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GatewayError } from '../../domain/errors.ts'
import type { KnownRepository } from '../../domain/schemas/known-repositories.ts'
import { isInnerHost } from '../network/public-address.ts'

/** Where a repository really is, and what the operator said about it. */
export interface ResolvedRepository {
  readonly url: string
  readonly scheme: 'https' | 'http' | 'ssh' | 'file'
  readonly host: string
  readonly ref?: string | undefined
  readonly known?: KnownRepository | undefined
}

export interface RepositoryPolicy {
  /** Resolves a URL or a known name for a tenant. Throws `repository_not_allowed`. */
  resolve(repository: {
    readonly url: string
    readonly ref?: string | undefined
    readonly tenant: string
  }): ResolvedRepository
}

/** `git@host:path`, the short form of ssh. */
const SCP_LIKE = /^([A-Za-z0-9][\w.-]*)@([A-Za-z0-9][\w.-]*):(?![/-])([\w./~+-]+)$/
/** Nothing a shell, an option parser or a terminal would act on. */
const SAFE_URL = /^[\x21-\x7e]+$/
/**
 * The only spelling of an authority: git, curl and ssh each read others their own way, so that a host checked here
 * would not be the one connected to. A file has none.
 */
const PLAIN_URL =
  /^((https?|ssh):\/\/([A-Za-z0-9_][\w.-]*@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d+)?(\/[^\\]*)?|file:\/\/\/[^\\?#]*)$/

/**
 * Which repositories a task may name: https and ssh on public hosts, `file:` below the roots the operator listed, and
 * whatever `REPOSITORIES_FILE` vouches for, by name or URL.
 */
export function createRepositoryPolicy(rules: {
  readonly repositories: readonly KnownRepository[]
  readonly fileRoots: readonly string[]
}): RepositoryPolicy {
  return {
    resolve({ url, ref, tenant }) {
      const known = rules.repositories.find((repository) => repository.name === url || repository.url === url)
      if (known?.tenants && !known.tenants.includes(tenant)) throw refused(url, 'it is not open to this tenant')
      const target = parse(known?.url ?? url)
      if (!known) check(target, rules.fileRoots)
      return { ...target, ref: ref ?? known?.ref, known }
    },
  }
}

type Target = Pick<ResolvedRepository, 'url' | 'scheme' | 'host'>

function parse(url: string): Target {
  const short = SCP_LIKE.exec(url)
  if (short) return { url, scheme: 'ssh', host: short[2] ?? '' }
  if (!SAFE_URL.test(url)) throw refused(url, 'it holds blanks or characters outside printable ASCII')
  const parsed = urlOf(url)
  if (!parsed) throw refused(url, 'it is neither a URL nor the name of a known repository')
  const scheme = parsed.protocol.slice(0, -1)
  if (scheme !== 'https' && scheme !== 'http' && scheme !== 'ssh' && scheme !== 'file')
    throw refused(url, `the scheme ${scheme}: is not https, ssh or file`)
  if (parsed.password !== '' || (scheme !== 'ssh' && parsed.username !== ''))
    throw refused(redacted(parsed), 'it holds a credential; put that into a credentialFile of REPOSITORIES_FILE')
  // Behind a symbolic link `..` leads elsewhere than in a URL.
  const isBent = scheme === 'file' && parsed.href !== url
  if (!PLAIN_URL.test(url) || isBent || parsed.hostname.startsWith('-'))
    throw refused(url, 'it is not of the form https://host/path, ssh://user@host/path or file:///path')
  return { url, scheme, host: scheme === 'file' ? '' : hostOf(parsed) }
}

/** Only web schemes normalise forms like 0x7f.1; ssh hosts are read by the same rules. */
const hostOf = (url: URL): string => urlOf(`http://${url.hostname}/`)?.hostname ?? url.hostname

const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined)

function check({ url, scheme, host }: Target, fileRoots: readonly string[]): void {
  if (scheme === 'http') throw refused(url, 'plain http is not protected; use https or list it in REPOSITORIES_FILE')
  if (scheme === 'file') checkFile(url, fileRoots)
  else if (isInnerHost(host)) throw refused(url, `${host} is an inner address and not listed in REPOSITORIES_FILE`)
}

function checkFile(url: string, roots: readonly string[]): void {
  const path = pathOf(url)
  const allowed = roots.some((root) => {
    const real = realPath(root) ?? root
    return path === real || path.startsWith(real.endsWith(sep) ? real : real + sep)
  })
  if (!allowed) throw refused(url, 'it does not lie below one of REPOSITORY_FILE_ROOTS')
}

function pathOf(url: string): string {
  try {
    const path = fileURLToPath(url)
    return realPath(path) ?? path
  } catch {
    throw refused(url, 'it is not an absolute path on this host')
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

const redacted = (url: URL): string => `${url.protocol}//…@${url.host}${url.pathname}`

const refused = (url: string, why: string): GatewayError =>
  new GatewayError(
    'repository_not_allowed',
    `The repository ${url.slice(0, 200)} is not allowed: ${why}. Use an https or ssh URL of a public host, a file: URL below REPOSITORY_FILE_ROOTS, or ask the operator to list it in REPOSITORIES_FILE.`,
  )
