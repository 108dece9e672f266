import { execFileSync } from 'node:child_process'
import {
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { testEscapes, type Escape, type Scene } from '../support/escapes.ts'
import { bubblewrap } from '../support/programs.ts'
import { ran, temporaryFolder } from '../support/sandboxed.ts'

const PRODUCT = fileURLToPath(new URL('../../', import.meta.url))
/** Stands in every secret of the host below. */
const CANARY = 'canary-7f3a'
const SECRETS = {
  SSH_KEY: 'home/.ssh/id_ed25519',
  CLOUD_KEY: 'home/.aws/credentials',
  ADMIN_KEY: 'data/admin.key',
  SIGNING_KEY: 'data/receipt.pem',
  OTHER_WORKSPACE: 'data/builders/b1/task-2-1/workspace/.env',
  ENVIRONMENT_FILE: 'product/.env',
}

/** Holds nothing but the host: an attack that searches everything is not to read what other tests leave beside it. */
let everything: string
let host: string
let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await bubblewrap()
  everything = mkdtempSync(join(tmpdir(), 'ocg-everything-'))
  host = join(everything, 'host')
})

afterAll(() => rmSync(everything, { recursive: true, force: true }))

/** The builder's own workspace on a fresh host, beside that of another task, and the paths of what it must not see. */
function seat(): Scene {
  rmSync(host, { recursive: true, force: true })
  for (const path of Object.values(SECRETS)) {
    mkdirSync(dirname(join(host, path)), { recursive: true })
    writeFileSync(join(host, path), CANARY)
  }
  const workspace = join(host, 'data/builders/b1/task-1-1/workspace')
  mkdirSync(workspace, { recursive: true })
  const paths = Object.entries(SECRETS).map(([name, path]) => [name, join(host, path)])
  const target = join(host, SECRETS.OTHER_WORKSPACE)
  const environment = {
    ...Object.fromEntries(paths),
    CANARY,
    HOST: host,
    TARGET: target,
    CLIMB: relative(workspace, target),
    HOME_OF_GATEWAY: homedir(),
  }
  return { workspace, environment }
}

const found = 'grep -q "$CANARY" && echo escaped'

const READS: readonly Escape[] = [
  ...Object.keys(SECRETS).map((name): Escape => ({
    name: `${name} by its path`,
    script: `cat "$${name}" | ${found}`,
    outside: 'anybody',
  })),
  { name: 'the password file', script: 'grep -q "^root:" /etc/passwd && echo escaped', outside: 'anybody' },
  { name: 'the password hashes', script: 'grep -q "^root:" /etc/shadow && echo escaped', outside: 'root' },
  { name: 'the home of the gateway', script: 'cd "$HOME_OF_GATEWAY" && echo escaped', outside: 'anybody' },
  {
    name: 'the folders of other users',
    script: 'ls -d /root /home/* | grep -v agent && echo escaped',
    outside: 'anybody',
  },
  { name: 'variable data of the system', script: 'ls /var/lib && echo escaped', outside: 'anybody' },
  { name: 'sockets and pids of services', script: 'ls /run && echo escaped', outside: 'anybody' },
  { name: 'the hardware below /sys', script: 'ls /sys/kernel && echo escaped', outside: 'anybody' },
  { name: 'the disks below /dev', script: 'find /dev -type b | grep -q . && echo escaped', outside: 'anybody' },
  { name: 'another task’s file by climbing out', script: `cat "$CLIMB" | ${found}`, outside: 'anybody' },
  { name: 'another task’s file by a symbolic link', script: `ln -s "$TARGET" l; cat l | ${found}`, outside: 'anybody' },
  { name: 'another task’s file by a relative link', script: `ln -s "$CLIMB" l; cat l | ${found}`, outside: 'anybody' },
  { name: 'another task’s file by a hard link', script: `ln "$TARGET" l; cat l | ${found}`, outside: 'anybody' },
  {
    name: 'another task’s file by a link to its folder',
    script: `ln -s "$HOST" l; cat l/data/admin.key | ${found}`,
    outside: 'anybody',
  },
  {
    name: 'another task’s file through /proc/self/root',
    script: `cat "/proc/self/root$TARGET" | ${found}`,
    outside: 'anybody',
  },
  {
    name: 'another task’s file through the root of process 1',
    script: `cat "/proc/1/root$TARGET" | ${found}`,
    outside: 'nobody',
  },
  {
    name: 'another task’s file through the parent’s folder',
    script: `cat "/proc/$PPID/cwd/$TARGET" "/proc/$PPID/root$TARGET" | ${found}`,
    outside: 'anybody',
  },
  {
    name: 'another task’s file by searching everywhere',
    script: `grep -rqs "$CANARY" "$(dirname "$HOST")" && echo escaped`,
    outside: 'anybody',
  },
  {
    name: 'another task’s file by an archive that follows links',
    script: `ln -s "$TARGET" l; tar -chf a.tar l && tar -xOf a.tar | ${found}`,
    outside: 'anybody',
  },
  {
    name: 'another task’s file by git’s own reading',
    script: `git init -q . && git config core.excludesFile x && git hash-object --stdin-paths <<< "$TARGET" && echo escaped`,
    outside: 'anybody',
  },
]

describe('a command cannot read', () => {
  testEscapes(READS, seat)
})

const WRITES: readonly Escape[] = [
  { name: 'a file of another task', script: 'echo x >> "$TARGET" && echo escaped', outside: 'anybody' },
  {
    name: 'a new file of another task',
    script: 'echo x > "$(dirname "$TARGET")/new" && echo escaped',
    outside: 'anybody',
  },
  { name: 'a file by climbing out', script: 'echo x >> "$CLIMB" && echo escaped', outside: 'anybody' },
  { name: 'a file by a symbolic link', script: 'ln -s "$TARGET" l; echo x >> l && echo escaped', outside: 'anybody' },
  {
    name: 'a file by an archive with absolute names',
    script:
      'echo x > f; tar -cf a.tar -P --transform "s,^f$,$HOST/data/tarred," f; tar -xPf a.tar; [ -e "$HOST/data/tarred" ] && [ -e "$TARGET" ] && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'by moving its workspace away',
    script: 'mv "$PWD" "$PWD.moved" && mv "$PWD.moved" "$PWD" && echo escaped',
    outside: 'anybody',
  },
  {
    name: 'programs of the system',
    script: 'touch /usr/bin/ocg-planted && rm /usr/bin/ocg-planted && echo escaped',
    outside: 'root',
  },
  {
    name: 'libraries of the system',
    script: 'touch /usr/lib/ocg-planted && rm /usr/lib/ocg-planted && echo escaped',
    outside: 'root',
  },
  {
    name: 'settings of the system',
    script: 'touch /etc/ocg-planted && rm /etc/ocg-planted && echo escaped',
    outside: 'root',
  },
  {
    name: 'trust in certificates',
    script: 'touch /etc/ssl/certs/ocg-planted && rm /etc/ssl/certs/ocg-planted && echo escaped',
    outside: 'root',
  },
  { name: 'a device', script: 'touch /dev/ocg-planted && rm /dev/ocg-planted && echo escaped', outside: 'root' },
  {
    name: 'the program that handles crashes',
    script: '[ -w /proc/sys/kernel/core_pattern ] && echo escaped',
    outside: 'root',
  },
  {
    name: 'any setting of the kernel',
    script: 'find /proc/sys -type f -writable 2>/dev/null | grep -q . && echo escaped',
    outside: 'root',
  },
  { name: 'the emergency key of the kernel', script: '[ -w /proc/sysrq-trigger ] && echo escaped', outside: 'nobody' },
  {
    name: 'the out-of-memory score of a process',
    script: 'echo 10 > /proc/$$/oom_score_adj && echo escaped',
    outside: 'anybody',
  },
]

describe('a command cannot write', () => {
  testEscapes(WRITES, seat)
})

describe('files that stood before the command', () => {
  test('are not reached through links that were committed or left there', async () => {
    const { workspace, environment } = seat()
    symlinkSync(environment['TARGET'] ?? '', join(workspace, 'committed'))
    symlinkSync('/etc/hostname', join(workspace, 'hostname'))
    const { stdout } = await ran(sandbox, 'cat committed hostname; echo x > committed; echo done', { workspace })
    expect(stdout).toBe('done\n')
    expect(readFileSync(environment['TARGET'] ?? '', 'utf8')).toBe(CANARY)
  })

  test('cannot be changed in a workspace that is only to be read', async () => {
    const { workspace } = seat()
    writeFileSync(join(workspace, 'kept'), 'as it was')
    const script = 'echo x > kept; echo x > new; rm kept; chmod 777 kept; mv kept gone; ls'
    expect((await ran(sandbox, script, { workspace, writable: false })).stdout).toBe('kept\n')
    expect(readFileSync(join(workspace, 'kept'), 'utf8')).toBe('as it was')
  })

  test('cannot be changed in a mount that is only to be read', async () => {
    const source = temporaryFolder()
    const mount = { source, target: '/mounted', writable: false }
    expect((await ran(sandbox, 'touch /mounted/new || echo refused', { mounts: [mount] })).stdout).toBe('refused\n')
  })
})

test('the root of the sandbox holds nothing but the system, the workspace and three folders in memory', async () => {
  const { stdout } = await ran(sandbox, 'ls /; ls /home /etc /dev; find / -xdev -type f 2>/dev/null')
  const seen = new Set(stdout.split('\n').filter(Boolean))
  for (const name of [
    'root',
    'var',
    'sys',
    'mnt',
    'srv',
    'boot',
    'passwd',
    'shadow',
    'hosts',
    'resolv.conf',
    'kmsg',
    'mem',
  ])
    expect(seen).not.toContain(name)
  for (const name of ['workspace', 'usr', 'tmp', 'agent', 'null', 'shm']) expect(seen).toContain(name)
})

test('a node that lives in somebody’s home brings its programs along, and nothing else of that home', () => {
  const home = mkdtempSync(join(PRODUCT, '.cache/home-'))
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  for (const folder of ['bin', 'lib', '.ssh', 'work']) mkdirSync(join(home, folder))
  copyFileSync(process.execPath, join(home, 'bin/node'), constants.COPYFILE_FICLONE)
  writeFileSync(join(home, '.ssh/id_ed25519'), CANARY)
  const program = `
    import { bubblewrap } from '${PRODUCT}tests/support/programs.ts'
    const command = ['bash', '-c', 'command -v node; node -p 6*7; ls -A ${home}']
    const result = await (await bubblewrap()).run({ workspace: '${home}/work', command, timeoutMs: 5_000, maxOutputBytes: 1_000 })
    console.log(Buffer.from(result.stdout).toString('utf8'))`
  writeFileSync(join(home, 'program.mts'), program)
  const tsx = fileURLToPath(import.meta.resolve('tsx/cli'))
  const said = execFileSync(join(home, 'bin/node'), [tsx, join(home, 'program.mts')], { encoding: 'utf8' })
  expect(said.trim().split('\n')).toEqual([`${home}/bin/node`, '42', 'bin', 'lib'])
})
