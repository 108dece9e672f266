import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readKnownRepositories } from '../../adapters/git/known-repositories.ts'
import { ownerAndName } from '../../domain/schemas/known-repositories.ts'

const web = { name: 'web', url: 'https://git.example.com/acme/web.git', credentialFile: '/etc/openclaw/web.token' }

function read(entries: unknown) {
  const directory = mkdtempSync(join(tmpdir(), 'ocg-known-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'repositories.json')
  writeFileSync(file, JSON.stringify(entries))
  return readKnownRepositories(file)
}

/** The lines below the first one: a fault each. */
const faultsOf = (entries: unknown): Promise<readonly string[]> =>
  read(entries).then(
    () => [],
    (error: Error) =>
      error.message
        .split('\n')
        .slice(1)
        .map((line) => line.trim()),
  )

describe('the forge of a known repository', () => {
  test('is GitHub itself for its own repositories, without an apiUrl', async () => {
    const entry = { ...web, url: 'https://github.com/acme/web', forge: { type: 'github' } }
    expect((await read([entry]))[0]?.forge).toEqual({ type: 'github', apiUrl: 'https://api.github.com' })
  })

  test('may be GitHub Enterprise, Gitea or Forgejo; a slash at the end of apiUrl is left away', async () => {
    const forge = { type: 'gitea', apiUrl: 'https://git.example.com/api/v1/' }
    expect((await read([{ ...web, forge }]))[0]?.forge).toEqual({ ...forge, apiUrl: 'https://git.example.com/api/v1' })
  })

  test('is absent where none is configured', async () => {
    expect((await read([web]))[0]).toEqual(web)
  })

  test('is refused with every fault of every entry at once', async () => {
    const { credentialFile: _, ...open } = web
    expect(
      await faultsOf([
        { ...open, forge: { type: 'github' } },
        { ...web, forge: { type: 'gitlab' } },
        { ...web, forge: { type: 'github', apiUrl: 'https://user:pass@git.example.com/api/v3', token: 'x' } },
        { ...web, url: 'git@git.example.com:acme/web.git', forge: { type: 'gitea', apiUrl: 'ftp://x' } },
        { ...web, url: 'ssh://git@git.example.com/acme/web', forge: { type: 'gitea', apiUrl: 'https://x/api/v1' } },
      ]),
    ).toEqual([
      '0.forge: needs a credentialFile with a token that may open pull requests',
      '0.forge: needs an apiUrl, such as https://host/api/v3 (GitHub Enterprise) or https://host/api/v1 (Gitea, Forgejo)',
      '1.forge.type: Invalid option: expected one of "github"|"gitea"',
      '2.forge.apiUrl: is not an http or https URL without credential and query',
      '2.forge: Unrecognized key: "token"',
      '3.forge.apiUrl: is not an http or https URL without credential and query',
      '3.forge: needs a url of the form https://host/owner/name',
      '4.forge: needs a url of the form https://host/owner/name',
    ])
  })
})

test.each([
  ['https://github.com/acme/web', 'acme', 'web'],
  ['https://github.com/acme/web.git', 'acme', 'web'],
  ['https://git.example.com:3000/forge/acme/web.js.git/', 'acme', 'web.js'],
])('the owner and name in %s are %s and %s', (url, owner, name) => {
  expect(ownerAndName(url)).toEqual({ owner, name })
})

test.each([
  'https://github.com/web',
  'ssh://git@github.com/acme/web',
  'https://github.com/acme/web?x=1',
  'file:///a/b',
])('there is none in %s', (url) => {
  expect(ownerAndName(url)).toBeUndefined()
})
