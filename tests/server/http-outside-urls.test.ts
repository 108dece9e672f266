import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApi, problemOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'

/** Every way to write an address that is not in the public internet. */
const INNER_HOSTS = [
  'localhost',
  'a.localhost',
  'localhost.',
  'intranet',
  'printer.local',
  'metadata.google.internal',
  '127.0.0.1',
  '127.1',
  '0',
  '0.0.0.0',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '017700000001',
  '10.1.2.3',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '169.254.169.254',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '[::1]',
  '[::]',
  '[::127.0.0.1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:a00:1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::1]',
  '[2002:7f00:1::]',
  '[2001:db8::1]',
  '[fe80::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fec0::1]',
  '[ff02::1]',
]

let api: TestApi
let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'roots-'))
  await mkdir(join(root, 'allowed/repository'), { recursive: true })
  await symlink('/', join(root, 'allowed/outside'))
  api = await openTestApi({
    url: await freshDatabase(),
    fileRoots: [join(root, 'allowed')],
    outboundAllowlist: ['127.0.0.1', 'hooks.internal:8443'],
    repositories: [
      {
        name: 'web',
        url: 'https://git.internal/web',
        acceptance: { commands: ['npm test'] },
        protectedPaths: ['t/**'],
      },
      { name: 'secret', url: 'https://git.internal/secret', tenants: ['acme'] },
    ],
  })
})
afterAll(async () => {
  await rm(root, { recursive: true })
  await api.close()
})

const submit = (fields: object) => api.call('/v1/tasks', { json: { prompt: 'x', ...fields } })

describe('a repository', () => {
  const refusal = async (url: string) => problemOf(await submit({ repository: { url } }))
  const file = (path: string) => pathToFileURL(join(root, path)).href

  it.each([
    'https://github.com/acme/web',
    'https://github.com:8443/acme/web.git',
    'https://8.8.8.8/acme/web',
    'https://[2606:4700::1111]/acme/web',
    'ssh://git@github.com/acme/web',
    'ssh://git@github.com:22/~acme/web',
    'git@github.com:acme/web.git',
  ])('may be %s', async (url) => {
    expect((await submit({ repository: { url } })).status).toBe(202)
  })

  it.each([
    'ext::sh -c id',
    'ext::sh',
    'fd::17',
    'transport::https://github.com/a',
    '--upload-pack=id',
    '-u',
    'http://github.com/acme/web',
    'git://github.com/acme/web',
    'ftp://github.com/acme/web',
    'javascript:alert(1)',
    '/etc',
    './x',
    'web2',
    'https://user:secret@github.com/acme/web',
    'https://token@github.com/acme/web',
    'ssh://git:secret@github.com/acme/web',
    'https:github.com/acme/web',
    'https:///github.com/acme/web',
    'HTTPS://github.com/acme/web',
    'https://github.com\\@127.0.0.1/x',
    'https://github.com/a b',
    'https://github.com/a\n',
    'https://gıthub.com/a',
    'https://-oProxyCommand=id/x',
    'ssh://-oProxyCommand=id/x',
    'ssh://-oProxyCommand=id@github.com/x',
    'ssh://git@-oProxyCommand=id/x',
    'git@-oProxyCommand=id:x',
    'git@github.com:-oProxyCommand',
    'git@[::1]:x',
    'file:///etc',
    'file://localhost/etc',
    'file:etc',
  ])('is refused as %s', async (url) => {
    expect(await refusal(url)).toMatchObject({
      status: 422,
      code: 'repository_not_allowed',
      errors: [{ pointer: '/repository/url' }],
    })
  })

  it.each(INNER_HOSTS)('is refused on the inner host %s', async (host) => {
    for (const url of [`https://${host}/x`, `ssh://git@${host}/x`, `git@${host}:x`])
      expect(await refusal(url)).toMatchObject({ status: 422, code: 'repository_not_allowed' })
  })

  it('does not repeat the password it was refused for', async () => {
    expect(JSON.stringify(await refusal('https://user:hunter2@github.com/a'))).not.toContain('hunter2')
  })

  it('may be a file below a listed root, and only there', async () => {
    expect((await submit({ repository: { url: file('allowed/repository') } })).status).toBe(202)
    const inside = file('allowed')
    for (const url of [
      file(''),
      file('allowed-too'),
      `${inside}/outside/etc`,
      `${inside}/../other`,
      `${inside}/outside/../repository`,
      `${inside}/%2e%2e/other`,
      `${inside}/..%2fother`,
      `${inside}/repository?/../../other`,
      `${inside}/repository#x`,
      `${inside}\\..\\other`,
    ])
      expect(await refusal(url), url).toMatchObject({ status: 422, code: 'repository_not_allowed' })
  })

  it('of the operator is found by name or URL and brings its checks', async () => {
    const acceptance = { commands: ['npm test'], protectedPaths: ['t/**'] }
    expect(await api.task({ repository: { url: 'web' } })).toMatchObject({ repository: { url: 'web' }, acceptance })
    expect(await api.task({ repository: { url: 'https://git.internal/web' } })).toMatchObject({ acceptance })
    const own = await api.task({ repository: { url: 'web' }, acceptance: { commands: ['make'] } })
    expect(own.acceptance).toEqual({ commands: ['make'], protectedPaths: ['t/**'] })
  })

  it('of another tenant is refused', async () => {
    expect(await refusal('secret')).toMatchObject({ status: 422, code: 'repository_not_allowed' })
    const acme = await api.key({ tenant: 'acme' })
    expect((await api.task({ repository: { url: 'secret' } }, acme)).tenant).toBe('acme')
  })

  it.each(['main', 'v1.2', 'feature/x', 'refs/heads/x', 'HEAD', 'a'.repeat(40)])('may have the ref %s', async (ref) => {
    expect((await submit({ repository: { url: 'https://github.com/a/b', ref } })).status).toBe(202)
  })

  it.each(['', '-x', '--upload-pack=id', 'a..b', 'a b', '/a', 'a/', 'a.lock', '@', '@{1}', 'a~1', 'a^', 'a:b', 'a\n'])(
    'is refused with the ref %j',
    async (ref) => {
      const { errors } = await problemOf(await submit({ repository: { url: 'https://github.com/a/b', ref } }))
      expect(errors?.[0]?.pointer).toBe('/repository/ref')
    },
  )
})

describe('a callbackUrl', () => {
  it.each([
    'https://example.com',
    'https://example.com:8443/hook?task=1#x',
    'HTTPS://EXAMPLE.COM/',
    'https://xn--bcher-kva.example/',
    'https://127.0.0.1:9/hook',
    'https://hooks.internal:8443/',
  ])('may be %s', async (callbackUrl) => {
    expect((await submit({ callbackUrl })).status).toBe(202)
  })

  it.each([
    'http://example.com',
    'ftp://example.com',
    'example.com',
    '/hook',
    'https://',
    'https:example.com',
    'https:\\\\example.com',
    'https://example.com\\@127.0.0.2/',
    ' https://example.com',
    'https://exam\nple.com',
    'https://example.com/a b',
    'https://user:secret@example.com',
    'https://user@example.com',
    'https://example.com:99999',
    'https://hooks.internal/',
    'https://hooks.internal:8444/',
    'javascript:alert(1)',
  ])('is refused as %s', async (callbackUrl) => {
    expect(await problemOf(await submit({ callbackUrl }))).toMatchObject({
      status: 422,
      code: 'callback_not_allowed',
      errors: [{ pointer: '/callbackUrl' }],
    })
  })

  it.each(INNER_HOSTS.filter((host) => new URL(`https://${host}`).hostname !== '127.0.0.1'))(
    'is refused on the inner host %s',
    async (host) => {
      const problem = await problemOf(await submit({ callbackUrl: `https://${host}/hook` }))
      expect(problem).toMatchObject({ status: 422, code: 'callback_not_allowed' })
    },
  )
})
