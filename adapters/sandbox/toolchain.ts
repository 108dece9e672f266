import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { rgPath } from '@vscode/ripgrep'
import type { Mount } from './mounts.ts'

/** Programs the gateway brings along. */
const OWN_PROGRAMS = '/opt/openclaw/bin'

/** Directories of a usual Linux whose programs a build needs; each is bound read-only or copied as the link it is. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
/** What of an installation elsewhere enters. Never the folder that holds it: that may be somebody's home. */
const INSTALLATION = ['bin', 'include', 'lib']
/** The few settings programs look for. Nothing else of /etc enters: it may hold credentials. */
const SETTINGS = [
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
  '/etc/nsswitch.conf',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/python3',
  '/etc/mime.types',
]

/** Read-only mounts of the system and of the Node and Python in use, and the PATH that finds them. */
export function toolchain(): { readonly mounts: readonly Mount[]; readonly path: string } {
  const mounts: Mount[] = [...SYSTEM.flatMap(systemDirectory), ...SETTINGS.filter(existsSync).map(readOnly)]
  const prefixes = [...new Set([process.execPath, which('python3')].flatMap(foreignPrefix))]
  const parts = prefixes.flatMap((prefix) => INSTALLATION.map((part) => join(prefix, part)))
  mounts.push(...parts.filter(existsSync).map(readOnly), ['--ro-bind', rgPath, join(OWN_PROGRAMS, 'rg')])
  const own = prefixes.map((prefix) => join(prefix, 'bin'))
  return { mounts, path: [...own, '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin', OWN_PROGRAMS].join(':') }
}

const readOnly = (path: string): Mount => ['--ro-bind', path, path]

function systemDirectory(path: string): Mount[] {
  if (!existsSync(path)) return []
  return [lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : readOnly(path)]
}

/** The installation prefix of a program that lives outside the system's own directories. */
function foreignPrefix(program: string | undefined): string[] {
  if (program === undefined) return []
  const real = realpathSync(program)
  return SYSTEM.some((directory) => real.startsWith(`${directory}/`)) ? [] : [dirname(dirname(real))]
}

/** First match in the system directories; a host may lack Python. */
function which(program: string): string | undefined {
  return ['/usr/local/bin', '/usr/bin', '/bin'].map((directory) => join(directory, program)).find(existsSync)
}
