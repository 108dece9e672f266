import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startForgeSimulator } from '../../simulators/forge/server.ts'
import { FaultProxy, type Tap } from '../fault-proxy.ts'
import type { BranchUpdate } from '../observations.ts'

/** For tasks that say none themselves, as those from chats. */
const CHECK = 'test -s notes.txt'

/** A forge with a repository for each key; the gateway knows them by these names. */
export interface Forge {
  /** For `REPOSITORIES_FILE`. */
  readonly repositoriesFile: string
  /** What pushes did to the branches of a repository. */
  updates(key: string): readonly BranchUpdate[]
  /** Pages of its pull requests. */
  pulls(key: string): readonly string[]
  close(): Promise<void>
}

/** Starts a forge behind a proxy on which the tap looks on. */
export async function startForge(keys: readonly string[], tap: Tap): Promise<Forge> {
  const simulator = await startForgeSimulator()
  const proxy = await FaultProxy.to(simulator.port)
  proxy.tap = tap
  const directory = await mkdtemp(join(tmpdir(), 'ocg-crash-forge-'))
  const [credentialFile, repositoriesFile] = ['token', 'repositories.json'].map((name) => join(directory, name)) as [
    string,
    string,
  ]
  const repositories = new Map(keys.map((key) => [key, simulator.createRepository(key)]))
  const through = (url: string) => url.replace(`:${simulator.port}`, `:${proxy.port}`)
  const forge = { type: 'github', apiUrl: through(simulator.apiUrl) }
  const known = keys.map((name) => ({
    ...{ name, url: through(simulator.cloneUrl(name)), credentialFile, forge },
    acceptance: { commands: [CHECK] },
  }))
  await writeFile(credentialFile, simulator.token, { mode: 0o600 })
  await writeFile(repositoriesFile, JSON.stringify(known))
  return {
    repositoriesFile,
    updates: (key) =>
      (repositories.get(key)?.updates() ?? []).map((line) => {
        const [, commit = '', ref = ''] = line.split(' ')
        return { key, ref, commit }
      }),
    pulls: (key) =>
      (repositories.get(key)?.pulls ?? []).map(({ number }) => `${simulator.url}/acme/${key}/pull/${number}`),
    async close() {
      await proxy.close()
      await simulator.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
