import { describe, expect, test } from 'vitest'
import { seccompFilter } from '../../adapters/sandbox/seccomp-filter.ts'
import { testEscapes, type Escape } from '../support/escapes.ts'
import { bubblewrap } from '../support/programs.ts'
import { ran, temporaryFolder } from '../support/sandboxed.ts'

/** Python that asks the kernel itself, past every program and library; prints `escaped` when it was served. */
const asking = (expression: string): string =>
  `python3 -c '
import ctypes, os, socket
c = ctypes.CDLL(None, use_errno=True)
x64 = os.uname().machine == "x86_64"
buffer = ctypes.create_string_buffer(4096)
try:
    if ${expression}: print("escaped")
except OSError: pass
'`

const KERNEL: readonly Escape[] = [
  { name: 'tracing of a process', script: asking('c.ptrace(0, 0, 0, 0) == 0'), outside: 'anybody' },
  {
    name: 'the keys of the host’s user',
    script: asking('c.syscall(250 if x64 else 219, 0, -3, 1) > 0'),
    outside: 'anybody',
  },
  {
    name: 'the memory of another process',
    script: asking(
      'c.syscall(310 if x64 else 270, os.getpid(), (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8), 1, (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8), 1, 0) == 8',
    ),
    outside: 'anybody',
  },
  {
    name: 'the handling of page faults',
    script: asking('c.syscall(323 if x64 else 282, 1) >= 0'),
    outside: 'nobody',
  },
  {
    name: 'to type into a terminal',
    script: asking('__import__("fcntl").ioctl(__import__("pty").openpty()[1], 0x5412, b"x") is not None'),
    outside: 'nobody',
  },
  { name: 'packets past every protocol', script: asking('socket.socket(17, 3, 0).fileno() > 0'), outside: 'root' },
  {
    name: 'packets of any protocol',
    script: asking('socket.socket(2, 3, 1).fileno() > 0'),
    outside: 'root',
  },
  { name: 'an io_uring', script: asking('c.syscall(425, 4, buffer) >= 0'), outside: 'nobody' },
  {
    name: 'a program in the kernel',
    script: asking('c.syscall(321 if x64 else 280, 0, (ctypes.c_uint32 * 16)(2, 4, 4, 4), 64) >= 0'),
    outside: 'root',
    reported: 'kernel',
  },
  {
    name: 'tracing of a process that runs',
    script: asking(
      '[child := os.fork() or __import__("time").sleep(1), c.ptrace(16, child, 0, 0) == 0, os.kill(child, 9)][1]',
    ),
    outside: 'anybody',
    reported: 'kernel',
  },
  {
    name: 'to change the memory of another process',
    script: asking(
      'c.syscall(311 if x64 else 271, os.getpid(), (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8), 1, (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8), 1, 0) == 8',
    ),
    outside: 'anybody',
    reported: 'kernel',
  },
  {
    name: 'a mount by a call',
    script: `mkdir m; ${asking('c.mount(b"none", b"m", b"tmpfs", 0, 0) == 0 and c.umount2(b"m", 0) == 0')}`,
    outside: 'root',
    reported: 'kernel',
  },
  {
    name: 'a mount by a call of a child whose end the command hides',
    script: `mkdir m; ${asking('c.mount(b"none", b"m", b"tmpfs", 0, 0) == 0 and c.umount2(b"m", 0) == 0')}; true`,
    outside: 'root',
    reported: 'kernel',
  },
  {
    name: 'a mount by descriptors',
    script: asking('c.syscall(430, b"tmpfs", 0) >= 0'),
    outside: 'root',
    reported: 'kernel',
  },
  {
    name: 'another namespace',
    script: asking('c.setns(os.open("/proc/self/ns/uts", os.O_RDONLY), 0) == 0'),
    outside: 'root',
    reported: 'kernel',
  },
  {
    name: 'a module in the kernel',
    script: asking('c.syscall(175 if x64 else 105, buffer, 4096, b"") == 0'),
    outside: 'nobody',
    reported: 'kernel',
  },
  {
    name: 'another kernel',
    script: asking('c.syscall(246 if x64 else 104, 0, 0, 0, 0) == 0'),
    outside: 'nobody',
    reported: 'kernel',
  },
  {
    name: 'a file by its handle, past every folder',
    script: asking('c.syscall(304 if x64 else 265, -100, (ctypes.c_uint32 * 4)(8, 1, 2, 0), 0) >= 0'),
    outside: 'nobody',
    reported: 'kernel',
  },
  { name: 'a user namespace within', script: 'unshare --user --map-root-user echo escaped', outside: 'anybody' },
  {
    name: 'a user namespace by clone3',
    script: asking('c.syscall(435, (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17, 0, 0, 0), 64) > 0'),
    outside: 'nobody',
  },
  { name: 'a mount', script: 'mount -t tmpfs none /tmp && echo escaped', outside: 'nobody', reported: 'kernel' },
  {
    name: 'a mount of layers',
    script:
      'mkdir -p l u w m && mount -t overlay none -o lowerdir=l,upperdir=u,workdir=w m && umount m && echo escaped',
    outside: 'nobody',
    reported: 'kernel',
  },
  { name: 'a file system of its own making', script: 'exec 3<> /dev/fuse && echo escaped', outside: 'nobody' },
  {
    name: 'the control groups, and with them a program the kernel starts',
    script:
      'mkdir g && mount -t cgroup -o memory none g && umount g && echo escaped; ls /sys/fs/cgroup && echo escaped',
    outside: 'anybody',
    reported: 'kernel',
  },
  { name: 'a socket to the hypervisor', script: asking('socket.socket(40, 1).fileno() > 0'), outside: 'nobody' },
  { name: 'a socket to the kernel’s ciphers', script: asking('socket.socket(38, 5).fileno() > 0'), outside: 'nobody' },
  {
    name: 'a 32-bit call, which would mean another one',
    script: asking('x64 and c.syscall(0x40000000 + 39) > 0'),
    outside: 'nobody',
  },
]

describe('the kernel gives nobody in the sandbox', () => {
  testEscapes(KERNEL, () => ({ workspace: temporaryFolder(), environment: {} }))
})

test('a command that is killed for a call is known by its end, and is told', async () => {
  const { blocked, stderr } = await ran(await bubblewrap(), 'kill -SYS $$')
  expect(blocked).toEqual([{ what: 'kernel', target: expect.stringContaining('a forbidden system call') }])
  expect(stderr).toContain('[sandbox] kernel: ')
})

describe('the filter', () => {
  test.each(['x64', 'arm64'] as const)(
    'of %s is a whole program: it only jumps forward and inside itself',
    (architecture) => {
      const bytes = Buffer.from(seccompFilter(architecture) ?? [])
      const count = bytes.length / 8
      expect(Number.isInteger(count) && count > 50 && count < 4_096).toBe(true)
      for (let index = 0; index < count; index++)
        if ((bytes.readUInt16LE(index * 8) & 0x07) === 0x05)
          for (const jump of [bytes[index * 8 + 2] ?? 0, bytes[index * 8 + 3] ?? 0])
            expect(index + 1 + jump).toBeLessThan(count)
      expect(bytes.readUInt16LE((count - 1) * 8)).toBe(0x06)
    },
  )

  test('is not there for an architecture whose calls it does not know', () => {
    expect(seccompFilter('riscv64')).toBeUndefined()
  })
})
