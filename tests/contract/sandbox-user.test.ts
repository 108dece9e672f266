import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { removeDirectory } from '../../activities/builder/remove-directory.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { bubblewrap } from '../support/programs.ts'
import { ran, temporaryFolder, unprotected } from '../support/sandboxed.ts'

const isRoot = process.getuid?.() === 0

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await bubblewrap()
})

/** The user, as the host's kernel knows it, of the one process whose command line is this. */
function hostUserOf(commandLine: string): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      if (words !== commandLine) continue
      return Number(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    } catch {
      // It ended while we looked.
    }
  return undefined
}

/** Who a command is to the host while it runs. */
async function userOf(where: Sandbox, workspace: string): Promise<number | undefined> {
  const seconds = `6.${Math.random().toString().slice(2, 11)}`
  const running = ran(where, ['sleep', seconds], { workspace })
  let user: number | undefined
  while (user === undefined) {
    user = hostUserOf(`sleep ${seconds}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await running
  return user
}

describe.runIf(isRoot)('to the host of a gateway of root', () => {
  test('a command is nobody it knows, where without the sandbox it is root', async () => {
    expect(await userOf(await unprotected(), temporaryFolder())).toBe(0)
    const user = (await userOf(sandbox, temporaryFolder())) ?? 0
    expect(user).toBeGreaterThan(60_000)
    expect(readFileSync('/etc/passwd', 'utf8')).not.toContain(`:${user}:`)
  })

  test('commands of two workspaces are two users', async () => {
    const users = await Promise.all([
      userOf(sandbox, temporaryFolder('ocg-a-')),
      userOf(sandbox, temporaryFolder('ocg-b-')),
    ])
    // Two of 478 names may meet; three hardly do.
    if (users[0] === users[1]) expect(await userOf(sandbox, temporaryFolder('ocg-c-'))).not.toBe(users[0])
    else expect(users[0]).not.toBe(users[1])
  })

  test('the workspace belongs to that user, with all that the host had put there', async () => {
    const workspace = temporaryFolder()
    mkdirSync(join(workspace, 'deep/er'), { recursive: true, mode: 0o700 })
    writeFileSync(join(workspace, 'deep/er/file'), 'x', { mode: 0o600 })
    const { stdout } = await ran(sandbox, 'echo y >> deep/er/file; stat -c %u . deep deep/er/file | uniq; id -u', {
      workspace,
    })
    const [owner, self] = stdout.trim().split('\n')
    expect(owner).toBe(self)
    expect(readFileSync(join(workspace, 'deep/er/file'), 'utf8')).toBe('xy\n')
  })

  test('a link the host put there gives nothing outside away', async () => {
    const [workspace, outside] = [temporaryFolder(), temporaryFolder()]
    writeFileSync(join(outside, 'kept'), 'x')
    symlinkSync(outside, join(workspace, 'folder'))
    symlinkSync(join(outside, 'kept'), join(workspace, 'file'))
    await ran(sandbox, 'true', { workspace })
    expect([outside, join(outside, 'kept')].map((path) => statSync(path).uid)).toEqual([0, 0])
  })

  test('a link a command put there is not followed by root when the next one starts', async () => {
    const [workspace, outside] = [temporaryFolder(), temporaryFolder()]
    writeFileSync(join(outside, 'kept'), 'x')
    await ran(sandbox, `ln -s ${outside} folder; ln -s ${outside}/kept file`, { workspace })
    for (let times = 0; times < 3; times++) await ran(sandbox, 'true', { workspace })
    expect([outside, join(outside, 'kept')].map((path) => statSync(path).uid)).toEqual([0, 0])
  })

  test('a folder open to all stays whose it is', async () => {
    const before = statSync('/tmp').uid
    await ran(sandbox, 'true', { workspace: '/tmp' })
    expect(statSync('/tmp').uid).toBe(before)
  })

  test('process 1 inside can be neither read nor ended by the command', async () => {
    const script = 'cat /proc/1/environ; ls /proc/1/fd /proc/1/root; kill -9 1; echo alive'
    expect((await ran(sandbox, `{ ${script}; } 2> /dev/null`)).stdout).toBe('alive\n')
  })
})

describe.runIf(!isRoot)('to the host of a gateway that is not root', () => {
  test('a command is the gateway’s own user, in a namespace where that is nobody', async () => {
    expect(await userOf(sandbox, temporaryFolder())).toBe(process.getuid?.())
    expect((await ran(sandbox, 'id -u')).stdout).toBe('65534\n')
  })
})

describe('what a command leaves', () => {
  test('is read by the host and removed by it, folders without any right included', async () => {
    const workspace = temporaryFolder()
    const script = 'mkdir -p a/b; echo left > a/b/file; echo own > private; chmod 600 private; chmod 000 a/b a'
    await ran(sandbox, script, { workspace })
    expect(readFileSync(join(workspace, 'private'), 'utf8')).toBe('own\n')
    await removeDirectory(workspace)
    expect(existsSync(workspace)).toBe(false)
  })

  test('in its home and its folders in memory is gone with it', async () => {
    const workspace = temporaryFolder()
    const script = 'for place in ~ /tmp /dev/shm; do echo x > $place/left && ls -A $place; done'
    for (let times = 0; times < 2; times++)
      expect((await ran(sandbox, script, { workspace })).stdout).toBe('left\nleft\nleft\n')
    rmSync(workspace, { recursive: true })
  })
})
