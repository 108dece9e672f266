import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ORACLES } from './oracles/index.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
/** What a gateway runs from; its packages are shared. */
const ROOMS = [
  'activities',
  'adapters',
  'api',
  'bin',
  'cli',
  'domain',
  'fixtures',
  'simulators',
  'workers',
  'workflows',
]
const FILES = ['package.json', 'package-lock.json', 'tsconfig.base.json', 'tsconfig.json']

/** A protection of the gateway, and the promise that must break without it. */
export interface Sabotage {
  readonly what: string
  readonly file: string
  /** Text of the file that is the protection. */
  readonly protection: string
  readonly instead: string
  readonly breaks: (typeof ORACLES)[number]['name']
}

/** An oracle that a gateway without protections does not fail proves nothing. */
export const SABOTAGES: readonly Sabotage[] = [
  {
    what: 'requests are not known by their Idempotency-Key',
    file: 'adapters/postgres/acceptance.ts',
    protection: `const { id, tenant, channel, key, digest, requester, conversation, aside } = acceptance`,
    instead: `const { id, tenant, channel, digest, requester, conversation, aside } = acceptance
  const key = id`,
    breaks: 'one-task-per-key',
  },
  {
    what: "the model's signatures are forgotten",
    file: 'adapters/postgres/contents.ts',
    protection: `{ role: 'model', parts },`,
    instead: `{ role: 'model', parts: parts.map(({ thoughtSignature: _, ...part }) => part) },`,
    breaks: 'protocol-kept',
  },
  {
    what: 'builders outlive their gateway',
    file: 'workers/builder.ts',
    protection: `installRuntime(logger)
  endWithParent()`,
    instead: 'installRuntime(logger)',
    breaks: 'nothing-left',
  },
]

/** Makes a copy of the gateway in a folder without all these protections; gives the path of its command. */
export async function sabotagedGateway(directory: string): Promise<string> {
  await mkdir(directory)
  for (const name of [...ROOMS, ...FILES]) await cp(join(ROOT, name), join(directory, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  for (const { what, file, protection, instead } of SABOTAGES) {
    const path = join(directory, file)
    const text = await readFile(path, 'utf8')
    if (!text.includes(protection)) throw new Error(`${file} has no longer what protects it (${what}). Name it anew.`)
    await writeFile(
      path,
      text.replace(protection, () => instead),
    )
  }
  return join(directory, 'bin/ocg.mjs')
}
