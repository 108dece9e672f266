import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainGit, runPlainly } from './plain-git.ts'

/** Stands in every file of the host that no agent may publish. */
const SECRET = 'the host alone may read this'
/** What the protected file of the base says. */
const PROTECTED_TEXT = 'answer is 42\n'

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

/** A host with a fresh upstream repository of one commit. */
export async function createPlayground(): Promise<Playground> {
  const root = await mkdtemp(join(tmpdir(), 'ocg-git-attack-'))
  const upstream = join(root, 'upstreams', 'project.git')
  const attacker = join(root, 'attacker.git')
  const victim = join(root, 'victim.git')
  const files = join(root, 'files')
  const canary = join(root, 'canary')
  const base = await createRepository(upstream, {
    'src/answer.js': 'export const answer = 41\n',
    'tests/check.txt': PROTECTED_TEXT,
    'GEMINI.md': 'Be honest.\n',
  })
  await createRepository(attacker, {})
  const victimCommit = await createRepository(victim, { 'secret.txt': SECRET })
  await mkdir(files)
  await writeFile(join(files, 'secret.txt'), SECRET)
  const before = await stateOf({ victim, files })
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
      if (Object.keys(await referencesOf(attacker)).length > 1) found.push('redirects')
      if ((await holdsSecret(upstream)) || published.some((bytes) => Buffer.from(bytes).includes(SECRET)))
        found.push('leaks')
      if ((await stateOf({ victim, files })) !== before) found.push('overwrites')
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

async function holdsSecret(bare: string): Promise<boolean> {
  const commits = (await plainGit(bare, ['rev-list', '--all'])).split('\n')
  const found = await runPlainly(['git', 'grep', '--quiet', '--fixed-strings', SECRET, ...commits], { directory: bare })
  return found.exitCode === 0
}

/** Everything an attack must leave as it was, in one comparable text. */
async function stateOf({ victim, files }: { readonly victim: string; readonly files: string }): Promise<string> {
  const entries = await readdir(files, { recursive: true, withFileTypes: true })
  const names = entries.map((entry) => join(entry.parentPath, entry.name)).toSorted()
  const texts = await readFile(join(files, 'secret.txt'), 'utf8')
  const config = await readFile(join(victim, 'config'), 'utf8')
  return JSON.stringify([names, texts, config, await referencesOf(victim)])
}
