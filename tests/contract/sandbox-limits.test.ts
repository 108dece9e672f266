import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { removeDirectory } from '../../activities/builder/remove-directory.ts'
import { createBubblewrapSandbox, type BubblewrapOptions } from '../../adapters/sandbox/bubblewrap-sandbox.ts'
import { groupFolders } from '../../adapters/sandbox/control-group-folders.ts'
import { findControlGroups } from '../../adapters/sandbox/control-groups.ts'
import { installedBubblewrap } from '../../adapters/sandbox/find-bubblewrap.ts'
import { LIMITS } from '../../adapters/sandbox/limits.ts'
import { seccompFilter } from '../../adapters/sandbox/seccomp-filter.ts'
import { bubblewrapFolder } from '../support/programs.ts'
import { ran, temporaryFolder, unprotected } from '../support/sandboxed.ts'

const MIB = 1024 * 1024
const isRoot = process.getuid?.() === 0
const BOUNDS = { memoryBytes: 192 * MIB, processes: 40, processors: 2 }
const groups = await findControlGroups(BOUNDS)
/** So little that it is less than its share, however much else there is to do. */
const slow = await findControlGroups({ ...BOUNDS, processors: 0.02 })

/** The real sandbox on a small scale. */
const sandboxWith = (bounds: Partial<BubblewrapOptions>) =>
  createBubblewrapSandbox({
    ...{ bwrap: installedBubblewrap(bubblewrapFolder) ?? '', understands: () => true },
    filter: seccompFilter(process.arch) ?? new Uint8Array(),
    ...bounds,
  })

/** Control groups of the processor may be somebody else's to make. */
const ownCpuIsMissing = groupFolders().every(({ cpu }) => cpu === undefined)

/** Two processes that hold 128 MiB each, at the same time: one alone would stay within every limit of a process. */
const HOARD = `
  hold() { python3 -c 'import os, sys, time
held = bytearray(128 << 20)
open(sys.argv[1], "w").close()
while not os.path.exists(sys.argv[2]): time.sleep(0.05)
print("held", flush=True)' $1 $2; }
  hold one other & hold other one &
  wait -n && wait || kill $(jobs -p)`
const MULTIPLY = 'for i in $(seq 60); do sleep 5 & done 2>&1; jobs -p | wc -l'
/** A command is moved into its groups once it lives long enough: how long that takes is the machine's to say. */
const onceInGroup = (controller: 'memory' | 'pids', script: string) =>
  `until grep -Eq '(:${controller}|^0:):.*/ocg-' /proc/self/cgroup; do sleep 0.1; done; ${script}`
const ownIn = (folders: readonly string[]): readonly string[] =>
  [...new Set(folders)].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(`ocg-${process.pid}-`))
      .map((name) => join(folder, name)),
  )
const ownGroups = (): readonly string[] => ownIn(groupFolders().flatMap(({ memory, pids }) => [memory, pids]))
/** How often the processor was taken from the groups of this process for a while. */
const throttled = (): readonly number[] =>
  ownIn(groupFolders().flatMap(({ cpu }) => cpu ?? [])).map((group) =>
    Number(/nr_throttled (\d+)/.exec(readFileSync(join(group, 'cpu.stat'), 'utf8'))?.[1]),
  )
const membersOf = (group: string): readonly string[] =>
  readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)

// Where this process may make no control groups, commands have only the limits of a single process.
describe.skipIf(groups === undefined)('a command in control groups', () => {
  test('takes no more memory than its group has, however many processes it spreads it over', async () => {
    expect((await ran(await unprotected(), HOARD)).stdout).toBe('held\nheld\n')
    const result = await ran(sandboxWith({ groups }), onceInGroup('memory', HOARD))
    expect(result.stdout).not.toBe('held\nheld\n')
    expect(result.blocked).toEqual([{ what: 'memory', target: 'more than 0.2 GiB' }])
    expect(result.stderr).toContain('[sandbox] memory: more than 0.2 GiB. Do it in smaller parts')
  })

  test('takes no more memory as files in its folders there', async () => {
    const script = 'for file in 1 2 3; do head -c 100M /dev/zero > /tmp/$file || exit; done; echo escaped'
    const result = await ran(sandboxWith({ groups }), onceInGroup('memory', script))
    expect(result.stdout).not.toContain('escaped')
    expect(result.blocked?.[0]?.what).toBe('memory')
  })

  test('has no more processes than its group, and is told', async () => {
    expect((await ran(await unprotected(), `${MULTIPLY}; kill $(jobs -p)`)).stdout).toBe('60\n')
    const result = await ran(sandboxWith({ groups }), onceInGroup('pids', MULTIPLY), { timeoutMs: 15_000 })
    expect(result.stdout).toMatch(/Resource temporarily unavailable/)
    expect(result.blocked).toContainEqual({ what: 'processes', target: 'more than 40 at once' })
  })

  test.skipIf(ownCpuIsMissing)('gets the processor for no longer than its group may have it', async () => {
    const over = new AbortController()
    const running = ran(sandboxWith({ groups: slow }), 'while :; do :; done', { signal: over.signal })
    running.catch(() => undefined)
    await vi.waitFor(() => expect(Math.max(...throttled())).toBeGreaterThan(1), 15_000)
    over.abort()
    await expect(running).rejects.toThrow()
  })

  test('is in them with every process it has, once it lives long enough', async () => {
    const script = 'sleep 300 & (setsid sh -c "sleep 300; :" &) ; sleep 300; :'
    const over = new AbortController()
    const running = ran(sandboxWith({ groups }), script, { signal: over.signal })
    running.catch(() => undefined)
    // bubblewrap twice, the shell, three that sleep, and one that left the session.
    const inEach = () => ownGroups().map((group) => membersOf(group).length)
    // In version 2 one group bounds everything.
    const expected = groupFolders().some(({ version }) => version === 2) ? [7] : [7, 7]
    await vi.waitFor(() => expect(inEach()).toEqual(expected), 15_000)
    over.abort()
    await expect(running).rejects.toThrow()
  })

  test('that stays within them is told nothing, and leaves no group behind', async () => {
    const result = await ran(sandboxWith({ groups }), 'sleep 0.6; echo fine')
    expect(result).toMatchObject({ stdout: 'fine\n', stderr: '' })
    expect(result.blocked).toBeUndefined()
    await vi.waitFor(() => expect(ownGroups()).toEqual([]), { timeout: 5_000 })
  })
})

describe('a command without control groups', () => {
  const sandbox = sandboxWith({})

  test('has no more memory in a process, whatever it is needed for', async () => {
    const script = `ulimit -d; python3 -c 'bytearray(${LIMITS.memoryBytes})' 2>&1 | tail -1`
    expect((await ran(sandbox, script)).stdout).toBe(`${LIMITS.memoryBytes / 1024}\nMemoryError\n`)
  })

  // Who is not root shares a count with all other processes of the same user, and cannot be held as short.
  test.runIf(isRoot)(`has no more than ${LIMITS.processes} processes`, async () => {
    const script = `for i in $(seq ${LIMITS.processes + 50}); do sleep 30 & done 2>&1 | head -1; pkill sleep; echo over`
    const { stdout } = await ran(sandbox, script, { timeoutMs: 60_000 })
    expect(stdout).toMatch(/Resource temporarily unavailable/)
  })

  test('is told when a file of it grows too large', async () => {
    const script = `python3 -c 'open("big", "wb").truncate(${LIMITS.fileBytes + 1})' 2>&1 | tail -1
      perl -e '$SIG{XFSZ} = "DEFAULT"; truncate("big", 0); open(F, ">big"); truncate(F, ${LIMITS.fileBytes + 1})'`
    const result = await ran(sandbox, script)
    expect(result.blocked).toEqual([{ what: 'disk', target: 'a file of more than 2 GiB' }])
    expect(result.stderr).toContain('[sandbox] disk: a file of more than 2 GiB. Remove what is not needed.')
  })
})

describe('a workspace on the disk', () => {
  const workspaceLimit = { bytes: 64 * MIB, files: 2_000 }
  /** A full workspace is found by counting: the command must still run then, however slow the machine is. */
  const FOR_EVER = 'sleep 300'
  const BYTES = 'for file in $(seq 60); do head -c 4M /dev/urandom > $file; sync $file; sleep 0.02; done; echo filled'
  const FILES =
    'mkdir many; for i in $(seq 20); do (cd many; seq -f "$i-%g" 1 200 | xargs touch); sleep 0.2; done; echo filled'

  test('takes no more bytes than it may: the command is ended, and told why', async () => {
    expect((await ran(await unprotected(), BYTES)).stdout).toBe('filled\n')
    const workspace = temporaryFolder()
    const sandbox = sandboxWith({ workspaceLimit })
    const result = await ran(sandbox, `${BYTES}; ${FOR_EVER}`, { workspace, timeoutMs: 60_000 })
    expect(result).toMatchObject({ timedOut: false, exitCode: 143 })
    expect(result.blocked).toEqual([
      { what: 'disk', target: expect.stringMatching(/^the workspace holds 0\.\d GiB; it may hold 0\.1 GiB$/) },
    ])
    const held = readdirSync(workspace).reduce((sum, name) => sum + statSync(join(workspace, name)).size, 0)
    expect(held).toBeLessThan(300 * MIB)
    expect((await ran(sandbox, 'rm -f [0-9]*; ls; echo cleared', { workspace })).stdout).toBe('cleared\n')
  })

  test('takes no more files than it may', async () => {
    expect((await ran(await unprotected(), FILES)).stdout).toBe('filled\n')
    const result = await ran(sandboxWith({ workspaceLimit }), `${FILES}; ${FOR_EVER}`, { timeoutMs: 60_000 })
    expect(result).toMatchObject({ timedOut: false, exitCode: 143 })
    expect(result.blocked?.[0]?.target).toMatch(/^the workspace holds \d+ files; it may hold 2000$/)
  })

  test('that hides its files from being counted is ended all the same', async () => {
    const script = `mkdir hidden; cd hidden; chmod 300 .; ${BYTES}; ${FOR_EVER}`
    const workspace = temporaryFolder()
    const result = await ran(sandboxWith({ workspaceLimit }), script, { workspace, timeoutMs: 60_000 })
    await removeDirectory(workspace)
    expect(result.timedOut).toBe(false)
    expect(result.blocked?.[0]?.what).toBe('disk')
  })

  test('is not filled by an archive of 200 KB that holds 200 MiB', async () => {
    const bomb = `import zipfile
z = zipfile.ZipFile("bomb.zip", "w", zipfile.ZIP_DEFLATED)
for i in range(50): z.writestr("part" + str(i), bytes(4 << 20))
z.close()
zipfile.ZipFile("bomb.zip").extractall("out")
print("filled")`
    const script = `python3 -c '${bomb}'`
    expect((await ran(await unprotected(), script, { timeoutMs: 60_000 })).stdout).toBe('filled\n')
    const result = await ran(sandboxWith({ workspaceLimit }), `${script}; ${FOR_EVER}`, { timeoutMs: 60_000 })
    expect(result).toMatchObject({ timedOut: false, exitCode: 143, blocked: [{ what: 'disk' }] })
  })

  test('is left alone while it is only read', async () => {
    const workspace = temporaryFolder()
    const sandbox = sandboxWith({ workspaceLimit: { bytes: 1, files: 1 } })
    expect((await ran(sandbox, 'sleep 0.6; echo read', { workspace, writable: false })).stdout).toBe('read\n')
    expect(existsSync(workspace)).toBe(true)
  })
})
