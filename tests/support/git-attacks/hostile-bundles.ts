import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { plainGit, runPlainly } from './plain-git.ts'

/** One entry of a tree, exactly as it will be written. */
export interface RawEntry {
  readonly mode: string
  readonly name: string
  readonly id: string
}

/** Objects of any form, valid or not, kept as loose files of a repository: git itself refuses to write most of them. */
export class ObjectForge {
  private readonly written: string[] = []

  constructor(private readonly repository: string) {}

  async blob(text: string): Promise<string> {
    return this.object('blob', Buffer.from(text))
  }

  async tree(entries: readonly RawEntry[]): Promise<string> {
    const parts = entries.flatMap(({ mode, name, id }) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')])
    return this.object('tree', Buffer.concat(parts))
  }

  async commit(commit: { readonly tree: string; readonly parent: string; readonly author?: string }): Promise<string> {
    const author = commit.author ?? 'Agent <agent@localhost> 0 +0000'
    const lines = [`tree ${commit.tree}`, `parent ${commit.parent}`, `author ${author}`, `committer ${author}`]
    return this.object('commit', Buffer.from(`${lines.join('\n')}\n\nhostile\n`))
  }

  async object(type: 'blob' | 'tree' | 'commit', content: Buffer): Promise<string> {
    const bytes = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content])
    const id = createHash('sha1').update(bytes).digest('hex')
    const file = join(this.repository, 'objects', id.slice(0, 2), id.slice(2))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, deflateSync(bytes))
    this.written.push(id)
    return id
  }

  /** A pack of everything written, apart from what is left out. */
  async pack(without: readonly string[]): Promise<Buffer> {
    const ids = [...new Set(this.written)].filter((id) => !without.includes(id))
    const packed = await runPlainly(['git', 'pack-objects', '--quiet', '--stdout'], {
      directory: this.repository,
      stdin: `${ids.join('\n')}\n`,
    })
    if (packed.exitCode !== 0) throw new Error(`The hostile pack could not be made: ${packed.stderr}`)
    return packed.stdout
  }
}

/** A bundle somebody might hand to the host. */
export interface HostileBundle {
  readonly name: string
  forge(forge: ObjectForge, base: string): Promise<Forged>
}

/** What a bundle is made of beside the objects. */
export interface Forged {
  /** The commit the host is told to expect. */
  readonly commit: string
  /** The commit the bundle really holds, when it is another one. */
  readonly head?: string
  /** Objects left out of the pack. */
  readonly without?: readonly string[]
  readonly bytes?: Uint8Array
}

/** Bytes of a bundle `base..head`, under the name an honest snapshot travels by. */
export async function bundleOf(
  forge: ObjectForge,
  forged: Forged,
  honest: { readonly base: string; readonly reference: string; readonly more?: readonly string[] },
): Promise<Uint8Array> {
  if (forged.bytes) return forged.bytes
  const { base, reference, more = [] } = honest
  const references = [`${forged.head ?? forged.commit} ${reference}`, ...more]
  const header = `# v2 git bundle\n-${base}\n${references.join('\n')}\n\n`
  return Buffer.concat([Buffer.from(header), await forge.pack(forged.without ?? [])])
}

/** The name of the only reference of a bundle. */
export function referenceOf(bundle: Uint8Array): string {
  const header = Buffer.from(bundle).toString('latin1').split('\n\n', 1)[0] ?? ''
  const name = /^[0-9a-f]{40} (\S+)$/m.exec(header)?.[1]
  if (name === undefined) throw new Error(`This is no bundle with a reference: ${header.slice(0, 200)}`)
  return name
}

/** A repository beside the upstream in which hostile objects are forged on the same base. */
export async function createForge(root: string, upstream: string): Promise<ObjectForge> {
  await plainGit(root, ['clone', '--quiet', '--bare', '--template=', upstream, join(root, 'forge.git')])
  return new ObjectForge(join(root, 'forge.git'))
}
