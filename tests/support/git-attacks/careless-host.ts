import { join } from 'node:path'
import { PRELUDE, type Attack } from './attack.ts'
import { plainGit, runPlainly } from './plain-git.ts'
import type { Playground } from './playground.ts'

/**
 * The control: plays the attack in a clone and then does there, with plain git, what a host without a boundary does to
 * deliver an agent's work. Most commands fail under attack; only what they caused counts.
 */
export async function deliverCarelessly(playground: Playground, attack: Attack): Promise<void> {
  const { root, upstream } = playground
  const directory = join(root, 'careless')
  await plainGit(root, ['clone', '--quiet', '--template=', upstream, directory])
  await plainGit(directory, ['checkout', '--quiet', '-b', 'work'])
  const played = await runPlainly(['bash', '-c', `${PRELUDE}\n${attack.script}`], {
    directory,
    environment: playground.variables(directory),
  })
  if (played.exitCode !== 0) throw new Error(`The attack could not be played: ${played.stderr}`)
  const early = await playground.harm()
  if (early.length > 0) throw new Error(`The attack needs no host: playing it alone ${early.join(' and ')}.`)
  const git = (...args: string[]) => runPlainly(['git', ...args], { directory })
  await look(git, `file://${upstream}`, directory)
  await commit(git)
  await merge(git, directory)
  await runPlainly(['git', 'credential', 'fill'], { directory, stdin: 'protocol=https\nhost=example.invalid\n\n' })
  await git('lfs', 'push', 'origin')
  await git('push', 'origin', 'HEAD:refs/heads/openclaw/task-1')
  await git('push', `file://${upstream}`, 'HEAD:refs/heads/openclaw/task-2')
}

type Git = (...args: string[]) => Promise<{ readonly stdout: Buffer }>

async function look(git: Git, url: string, directory: string): Promise<void> {
  await git('submodule', 'update', '--init')
  await git('status')
  await git('diff')
  await git('fetch', 'origin')
  const branch = (await git('symbolic-ref', '--short', 'HEAD')).stdout.toString('utf8').trim()
  await git('fetch', url, branch)
  await runPlainly(['sh', '-c', `git log -1 ${branch}`], { directory })
}

async function commit(git: Git): Promise<void> {
  await git('add', '--all')
  await git('commit', '--message', 'delivery')
  await git('commit', '--amend')
  await git('status')
  await git('log', '--patch', '-1')
  await git('archive', '--format=tgz', '--output=../delivery.tgz', 'HEAD')
}

/** Both sides change the same file, so that a merge driver has work to do. */
async function merge(git: Git, directory: string): Promise<void> {
  const delivered = (await git('rev-parse', 'HEAD')).stdout.toString('utf8').trim()
  await git('checkout', '--force', '-b', 'side', 'origin/main')
  await runPlainly(['sh', '-c', 'echo "export const answer = 43" > src/answer.js'], { directory })
  await git('commit', '--all', '--message', 'side')
  await git('checkout', '--force', '-b', 'delivery', delivered)
  await git('merge', '--no-edit', 'side')
  await git('merge', '--abort')
}
