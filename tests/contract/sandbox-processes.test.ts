import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { testEscapes, type Escape, type Scene } from '../support/escapes.ts'
import { commandLines } from '../support/processes.ts'
import { bubblewrap } from '../support/programs.ts'
import { ran, temporaryFolder, unprotected } from '../support/sandboxed.ts'

const CANARY = 'canary-of-the-environment'
const SHARED = `/dev/shm/ocg-test-${process.pid}`
const GIB = 1024 ** 3

let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await bubblewrap()
  process.env['OCG_CANARY'] = CANARY
  writeFileSync(SHARED, CANARY)
})

afterAll(() => {
  delete process.env['OCG_CANARY']
  rmSync(SHARED, { force: true })
})

const scene = (): Scene => ({
  workspace: temporaryFolder(),
  environment: { WANTED: CANARY, GATEWAY: String(process.pid), SHARED },
})

const PROCESSES: readonly Escape[] = [
  {
    name: 'the environment of any process',
    // The gateway's own variables, not the one that says what to look for.
    script:
      'cat /proc/[0-9]*/environ 2> /dev/null | tr "\\0" "\\n" | grep -q "^PGDATA=\\|^npm_\\|^VITEST" && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'the gateway’s command line',
    script: 'cat /proc/[0-9]*/cmdline | grep -qa "vites[t]" && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'how many processes there are',
    script: '[ "$(ls -d /proc/[0-9]* | wc -l)" -gt 20 ] && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'the gateway’s open files',
    script: 'ls /proc/$GATEWAY/fd && [ $GATEWAY != $$ ] && echo escaped',
    outside: 'anybody',
  },
  { name: 'the gateway’s memory', script: '[ -r /proc/$GATEWAY/mem ] && echo escaped', outside: 'anybody' },
  { name: 'a signal to the gateway', script: 'kill -0 $GATEWAY && echo escaped', outside: 'anybody' },
  {
    name: 'the memory that programs of the host share',
    script: 'grep -q "$WANTED" "$SHARED" && echo escaped',
    outside: 'anybody',
  },
  { name: 'the messages of the kernel', script: 'dmesg | grep -q . && echo escaped', outside: 'root' },
  { name: 'the name of the host', script: '[ "$(hostname)" != builder ] && echo escaped', outside: 'anybody' },
]

describe('a command does not see', () => {
  testEscapes(PROCESSES, scene)
})

const PRIVILEGES: readonly Escape[] = [
  {
    name: 'a capability',
    script: '[ "$(sed -n "s/^CapEff:\\t//p" /proc/self/status)" != 0000000000000000 ] && echo escaped',
    outside: 'root',
  },
  {
    name: 'a capability to come back to',
    script: '[ "$(sed -n "s/^CapBnd:\\t//p" /proc/self/status)" != 0000000000000000 ] && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'new privileges by a program that has some',
    script: '[ "$(sed -n "s/^NoNewPrivs:\\t//p" /proc/self/status)" = 0 ] && echo escaped',
    outside: 'anybody',
  },
  { name: 'to be root', script: '[ "$(id -u)" = 0 ] && echo escaped', outside: 'root' },
  {
    name: 'root by a program with the bit for it',
    script:
      'cp "$(command -v id)" rooted; chmod u+s rooted; setpriv --reuid 65534 --clear-groups ./rooted -u 2> /dev/null; [ "$(id -u)" = 0 ] && echo escaped',
    outside: 'root',
  },
  {
    name: 'to be root in a user namespace within',
    script: 'unshare --user --map-root-user true && echo escaped',
    outside: 'anybody',
  },
  { name: 'a user namespace without a map', script: 'unshare --user true && echo escaped', outside: 'anybody' },
  { name: 'a mount namespace', script: 'unshare --mount true && echo escaped', outside: 'root' },
  { name: 'a network namespace', script: 'unshare --net true && echo escaped', outside: 'root' },
  {
    name: 'the namespaces of process 1 of the host',
    script: 'nsenter --target $GATEWAY --mount true && echo escaped',
    outside: 'root',
  },
  {
    name: 'to mount memory',
    script: 'mkdir m && mount -t tmpfs none m && umount m && echo escaped',
    outside: 'root',
    reported: 'kernel',
  },
  {
    name: 'to mount a folder over another',
    script: 'mkdir m && mount --bind /usr m && umount m && echo escaped',
    outside: 'root',
    reported: 'kernel',
  },
  {
    name: 'to mount the processes anew',
    script: 'mkdir m && mount -t proc none m && umount m && echo escaped',
    outside: 'root',
    reported: 'kernel',
  },
  {
    name: 'to make the system writable',
    script: 'mount -o remount,bind,rw /usr && echo escaped',
    outside: 'nobody',
    reported: 'kernel',
  },
  { name: 'to take a mount away', script: 'umount -l /proc && echo escaped', outside: 'nobody' },
  { name: 'another root', script: 'mkdir -p r && chroot / true && echo escaped', outside: 'root' },
  {
    name: 'to change the root of all',
    script: 'mkdir -p r/old && pivot_root r r/old && echo escaped',
    outside: 'nobody',
    reported: 'kernel',
  },
  { name: 'a device made by itself', script: 'mknod zero c 1 5 && echo escaped', outside: 'root' },
  { name: 'a file for somebody else', script: 'touch f && chown 1:1 f && echo escaped', outside: 'root' },
  { name: 'another name of the host', script: 'hostname "$(hostname)" && echo escaped', outside: 'root' },
  { name: 'another time', script: 'date --set "@$(date +%s)" && echo escaped', outside: 'nobody' },
  {
    name: 'more priority than it was given',
    script: 'nice -n -5 true 2>&1 | grep -q "cannot set" || echo escaped',
    outside: 'root',
  },
  { name: 'higher limits', script: 'ulimit -Hc unlimited && echo escaped', outside: 'root' },
]

describe('a command does not get', () => {
  testEscapes(PRIVILEGES, scene)
})

const RESOURCES: readonly Escape[] = [
  // Reserved, not touched: nobody's memory is taken where it succeeds.
  {
    name: 'more than 4 GiB of memory for one process',
    script: `node -e 'new ArrayBuffer(${4.5 * GIB}); console.log("escaped")'`,
    outside: totalmem() > 8 * GIB ? 'anybody' : 'nobody',
  },
  {
    name: 'a file of more than 2 GiB',
    script: 'truncate -s 3G big && echo escaped',
    outside: 'anybody',
    reported: 'disk',
  },
  { name: 'a dump of its memory', script: '[ "$(ulimit -c)" != 0 ] && echo escaped', outside: 'nobody' },
  {
    name: 'more than 8,192 open files',
    script: 'ulimit -n 9000 && echo escaped',
    outside: 'root',
  },
  {
    name: 'more than 4 GiB below /tmp',
    script: '[ "$(df --output=size -B1 /tmp | tail -1)" -gt 4294967296 ] && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'more than 4 GiB of a home in memory',
    script: '[ "$(df --output=size -B1 ~ | tail -1)" -gt 4294967296 ] && echo escaped',
    outside: 'anybody',
  },
  { name: 'memory as files anywhere else', script: 'touch /x && rm /x && echo escaped', outside: 'root' },
]

describe('a command does not take', () => {
  testEscapes(RESOURCES, scene)

  test('the host with it when it multiplies: 300 processes deaf to signals end at its time limit', async () => {
    const seconds = `4${Math.random().toString().slice(2, 9)}`
    const script = `trap "" TERM HUP; for i in $(seq 300); do setsid sh -c 'trap "" TERM; sleep ${seconds}' & done; echo made; wait`
    const result = await ran(sandbox, script, { timeoutMs: 10_000 })
    expect(result).toMatchObject({ timedOut: true, stdout: 'made\n' })
    expect(commandLines().filter((line) => line.includes(seconds))).toEqual([])
  })
})

test('a command inherits no open file, whatever the gateway was started with', () => {
  const module = fileURLToPath(new URL('../support/programs.ts', import.meta.url))
  const program = `
    import { bubblewrap } from ${JSON.stringify(module)}
    const command = ['bash', '-c', 'ls /proc/self/fd; cat <&63'] as const
    const result = await (await bubblewrap()).run({ workspace: process.cwd(), command, timeoutMs: 5_000, maxOutputBytes: 1_000 })
    console.log(JSON.stringify(Buffer.from(result.stdout).toString('utf8')))`
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'program.mts'), program)
  writeFileSync(join(folder, 'secret'), CANARY)
  const tsx = fileURLToPath(import.meta.resolve('tsx/cli'))
  const run = (command: string) => execFileSync('bash', ['-c', command, 'bash', process.execPath, tsx], { cwd: folder })
  expect(run('exec 63< secret; cat <&63').toString()).toBe(CANARY)
  // 3 is the listing's own.
  expect(JSON.parse(run('exec 63< secret; exec "$@" program.mts').toString())).toBe('0\n1\n2\n3\n')
})

test('without a boundary the same limits do not hold, which is what SANDBOX=none accepts', async () => {
  const { stdout } = await ran(await unprotected(), 'ulimit -d; cat /proc/self/status | grep NoNewPrivs')
  expect(stdout).toBe('unlimited\nNoNewPrivs:\t0\n')
})
