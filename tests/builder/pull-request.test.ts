import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startForgeSimulator } from '../../simulators/forge/server.ts'
import { useBuilders } from '../support/builder.ts'
import { says } from '../support/scripted-model.ts'
import { createUpstream, userGit } from '../support/upstream.ts'

const pool = useBuilders()

/** A builder whose operator vouches for a repository of a forge, with a task that is verified and pushed. */
async function delivered(words: string) {
  const forge = await startForgeSimulator()
  const root = mkdtempSync(join(tmpdir(), 'ocg-forge-'))
  const source = createUpstream({ 'sum.js': 'exports.sum = (a, b) => a - b\n' })
  onTestFinished(async () => {
    await forge.close()
    source.remove()
    rmSync(root, { recursive: true, force: true })
  })
  const credentialFile = join(root, 'token')
  writeFileSync(credentialFile, forge.token)
  const remote = forge.createRepository('sums', source.directory)
  const address = { name: 'sums', url: forge.cloneUrl('sums'), credentialFile }
  const known = { ...address, forge: { type: 'github', apiUrl: forge.apiUrl } } as const
  const builder = pool.builder({ repositories: [known] })
  const acceptance = { commands: ['test -f fixed'] }
  const { fence } = await pool.task(builder, { repository: { url: 'sums' }, acceptance })
  await builder.play(fence, 1, 'touch fixed')
  builder.model.will(says(words))
  await builder.run('takeTurn', { ...fence, turn: 2 })
  const { commit } = await builder.run('verifyDelivery', { ...fence, attempt: 1, at: 0 })
  const published = await builder.run('publishDelivery', { ...fence, commit, verdict: 'passed' })
  return { forge, remote, builder, fence, commit, published, branch: published.result.branch ?? '' }
}

describe('the pull request of a delivery', () => {
  test('has the verdict, the checks, the cost and the receipt of the pushed commit', async () => {
    const { forge, remote, builder, fence, commit, published, branch } = await delivered('It adds now.')
    expect(published).toMatchObject({ forge: true, result: { commit, branch: `openclaw/${fence.taskId}` } })
    const { pullRequest } = await builder.run('openPullRequest', { ...fence, branch })
    expect(pullRequest).toBe(`${forge.url}/acme/sums/pull/1`)
    const [pull] = remote.pulls
    expect(pull).toMatchObject({ head: branch, base: 'main', sha: commit })
    for (const part of ['**passed**', 'It adds now.', 'exit 0  $ test -f fixed', 'Cost: $', `commit \`${commit}\``])
      expect(pull?.body).toContain(part)
    expect(pull?.body).toContain(`https://gateway.example/tasks/${fence.taskId}`)
  })

  test('is found by the next seat, which opens no second one', async () => {
    const { remote, builder, fence, branch } = await delivered('Done.')
    const first = await builder.run('openPullRequest', { ...fence, branch })
    const next = pool.builder({ repositories: builder.place.repositories ?? [] })
    const seat = await pool.reseat(fence, next)
    expect(await next.run('openPullRequest', { ...seat, branch })).toEqual(first)
    await expect(builder.run('openPullRequest', { ...fence, branch })).rejects.toMatchObject({ code: 'seat_lost' })
    expect(remote.pulls).toHaveLength(1)
  })

  test('and its commit mention nobody and close nothing, whatever the model says', async () => {
    const { remote, builder, fence, commit, branch } = await delivered('Fixes #12, cc @ada\n```\n<img src=//x>')
    await builder.run('openPullRequest', { ...fence, branch })
    const message = userGit(remote.directory, 'log', '-1', '--format=%B', commit)
    const body = remote.pulls[0]?.body ?? ''
    for (const text of [message, body]) {
      expect(text).toContain('Fixes #\u200b12, cc @\u200bada')
      expect(text).not.toMatch(/#\d|@\w/)
    }
    expect(body).toMatch(/\n````text\n[^]*<img src=\/\/x>\n````\n/)
  })
})

test('a task on a repository without a forge says so after its push', async () => {
  const builder = pool.builder()
  const { fence } = await pool.task(builder)
  await builder.play(fence, 1, 'touch fixed')
  const { commit } = await builder.run('verifyDelivery', { ...fence, attempt: 1, at: 0 })
  expect(await builder.run('publishDelivery', { ...fence, commit, verdict: 'not_run' })).toMatchObject({ forge: false })
})
