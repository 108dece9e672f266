import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainGit, runPlainly } from './plain-git.ts'

/** Stands in every file of the host that no agent may publish. */
const SECRET = 'the host alone may read this'
/** What the protected file of the base says. */
const PROTECTED_TEXT = 'answer is 42\n'

const UPSTREAM = 'upstreams/project.git'
const ATTACKER = 'attacker.git'
const VICTIM = 'victim.git'
const FILES = 'files'

/** The host as an attack finds it: an upstream to deliver to, and what the attacker would like to reach. */
export interface Playground {
  readonly root: string
  readonly upstream: string
  readonly base: string
  /** Paths of the host an attack's script needs, for a workspace at that path. */
  variables(workspace: string): Readonly<Record<string, string>>
  /** Every trace of a success: a started program, a redirected push, a published secret, a changed foreign file. */
  harm(published?: readonly Uint8Array[]): Promise<readonly string[]>
  /** Branches and tags of the upstream, as `refs/heads/main` → commit. */
  references(): Promise<Readonly<Record<string, string>>>
  /** A file of an upstream commit. */
  upstreamFile(commit: string, path: string): Promise<string>
  remove(): Promise<void>
}

/** Copied for each playground: copying is ten times as fast as making the repositories. */
export interface Template {
  readonly directory: string
  readonly base: string
  readonly victimCommit: string
  remove(): Promise<void>
}

/** What every playground begins as. */
export async function createTemplate(): Promise<Template> {
  const directory = await mkdtemp(join(tmpdir(), 'ocg-git-attacks-'))
  const base = await createRepository(join(directory, UPSTREAM), {
    'src/answer.js': 'export const answer = 41\n',
    'tests/check.txt': PROTECTED_TEXT,
    'GEMINI.md': 'Be honest.\n',
  })
  await createRepository(join(directory, ATTACKER), {})
  const victimCommit = await createRepository(join(directory, VICTIM), { 'secret.txt': SECRET })
  await mkdir(join(directory, FILES))
  await writeFile(join(directory, FILES, 'secret.txt'), SECRET)
  return { directory, base, victimCommit, remove: () => rm(directory, { recursive: true, force: true }) }
}

/** A host with a fresh upstream repository of one commit. */
export async function createPlayground({ directory, base, victimCommit }: Template): Promise<Playground> {
  const root = await mkdtemp(join(tmpdir(), 'ocg-git-attack-'))
  await cp(directory, root, { recursive: true })
  const upstream = join(root, UPSTREAM)
  const attacker = join(root, ATTACKER)
  const victim = join(root, VICTIM)
  const files = join(root, FILES)
  const canary = join(root, 'canary')
  const foreign = async () => `${await stateOf(victim)}\n${await stateOf(files)}`
  const before = { attacker: await stateOf(attacker), foreign: await foreign() }
  return {
    root,
    upstream,
    base,
    variables: (workspace) => ({
      CANARY: canary,
      WORKSPACE: workspace,
      UPSTREAM: upstream,
      ATTACKER: attacker,
      VICTIM: victim,
      VICTIM_COMMIT: victimCommit,
      VICTIM_FILES: files,
    }),
    async harm(published = []) {
      const found: string[] = []
      if (existsSync(canary)) found.push('executes')
      if ((await stateOf(attacker)) !== before.attacker) found.push('redirects')
      const all = [await contentOf(upstream), ...published]
      if (all.some((bytes) => Buffer.from(bytes).includes(SECRET))) found.push('leaks')
      if ((await foreign()) !== before.foreign) found.push('overwrites')
      return found
    },
    references: () => referencesOf(upstream),
    upstreamFile: (commit, path) => plainGit(upstream, ['cat-file', 'blob', `${commit}:${path}`]),
    remove: () => rm(root, { recursive: true, force: true }),
  }
}

/** A bare repository whose branch main holds one commit of these files; its commit. */
async function createRepository(bare: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(bare, { recursive: true })
  await plainGit(bare, ['init', '--quiet', '--bare', '--initial-branch=main', '--template=', '.'])
  const entries = Object.entries(files).map(
    ([path, text]) => `M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`,
  )
  const commit = 'commit refs/heads/main\ncommitter Base <base@localhost> 1700000000 +0000\ndata 4\nbase\n'
  await plainGit(bare, ['fast-import', '--quiet'], `${commit}${entries.join('')}`)
  return plainGit(bare, ['rev-parse', 'refs/heads/main'])
}

async function referencesOf(bare: string): Promise<Record<string, string>> {
  const lines = await plainGit(bare, ['for-each-ref', '--format=%(refname) %(objectname)'])
  return Object.fromEntries(lines.split('\n').map((line) => line.split(' ') as [string, string]))
}

/** Every object of a repository, whether a branch leads to it or not. */
async function contentOf(bare: string): Promise<Buffer> {
  const args = ['cat-file', '--batch', '--batch-all-objects', '--buffer'] as const
  const { exitCode, stdout, stderr } = await runPlainly(['git', ...args], { directory: bare })
  if (exitCode !== 0) throw new Error(`The upstream cannot be read any more: ${stderr}`)
  return stdout
}

/** Names and bytes of everything below a directory, in one comparable text. */
async function stateOf(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
  const files = await Promise.all(paths.toSorted().map(async (path) => `${path}\n${await readFile(path, 'base64')}`))
  return files.join('\n')
}
