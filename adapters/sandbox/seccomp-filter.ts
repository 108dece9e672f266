/**
 * A seccomp filter: what no engineering command needs of the kernel, and what attacks on it begin with. Everything
 * else is allowed. Numbers are the kernel's tables of each architecture; the list follows what container runtimes
 * refuse without capabilities, and adds `ptrace`, `io_uring` and the sockets no network namespace contains. A program
 * that tries one of them may go on without it, and nobody hears of it. Those that nothing but an attack makes here end
 * the program instead: that its end tells.
 */

interface Architecture {
  /** `AUDIT_ARCH_*`: a call by the rules of another architecture would mean something else. */
  readonly audit: number
  readonly clone: number
  readonly ioctl: number
  readonly socket: number
  readonly ptrace: number
  readonly refused: readonly number[]
  readonly fatal: readonly number[]
}

/** New in the kernel since its tables are the same everywhere. */
const COMMON = {
  clone3: 435,
  /** io_uring. */
  refused: [425, 426, 427],
  /** The mount calls of descriptors, quotactl_fd. */
  fatal: [428, 429, 430, 431, 432, 433, 442, 443],
} as const

const ARCHITECTURES: Readonly<Partial<Record<NodeJS.Architecture, Architecture>>> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    ioctl: 16,
    socket: 41,
    ptrace: 101,
    refused: [
      ...[310, 312], // process_vm_readv, kcmp
      ...[248, 249, 250], // add_key, request_key, keyctl
      ...[298, 323, 300], // perf_event_open, userfaultfd, fanotify_init
      ...[161, 272], // chroot, unshare
      ...[159, 164, 227, 305], // adjtimex, settimeofday, clock_settime, clock_adjtime
      ...[103, 153, 154, 172, 173, 180, 212], // syslog, vhangup, modify_ldt, iopl, ioperm, nfsservctl, lookup_dcookie
      ...[303], // name_to_handle_at
    ],
    fatal: [
      ...[311, 321], // process_vm_writev, bpf
      ...[155, 165, 166, 308], // pivot_root, mount, umount2, setns
      ...[246, 320, 175, 313, 176], // kexec_load, kexec_file_load, init_module, finit_module, delete_module
      ...[163, 167, 168, 169, 179], // acct, swapon, swapoff, reboot, quotactl
      ...[304], // open_by_handle_at
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    ioctl: 29,
    socket: 198,
    ptrace: 117,
    refused: [
      ...[270, 272], // process_vm_readv, kcmp
      ...[217, 218, 219], // add_key, request_key, keyctl
      ...[241, 282, 262], // perf_event_open, userfaultfd, fanotify_init
      ...[51, 97], // chroot, unshare
      ...[171, 170, 112, 266], // adjtimex, settimeofday, clock_settime, clock_adjtime
      ...[116, 58, 42, 18], // syslog, vhangup, nfsservctl, lookup_dcookie
      ...[264], // name_to_handle_at
    ],
    fatal: [
      ...[271, 280], // process_vm_writev, bpf
      ...[41, 40, 39, 268], // pivot_root, mount, umount2, setns
      ...[104, 294, 105, 273, 106], // kexec_load, kexec_file_load, init_module, finit_module, delete_module
      ...[89, 224, 225, 142, 60], // acct, swapon, swapoff, reboot, quotactl
      ...[265], // open_by_handle_at
    ],
  },
}

const ERRNO = 0x00050000
const ALLOW = 0x7fff0000
const KILL = 0x80000000
const EPERM = ERRNO | 1
/** As an old kernel answers: the C library then does without. */
const ENOSYS = ERRNO | 38
const EAFNOSUPPORT = ERRNO | 97

const CLONE_NEWUSER = 0x10000000
const TIOCSTI = 0x5412
const TIOCLINUX = 0x541c
const AF_ALG = 38
const AF_VSOCK = 40
/** Of a process that runs. Debuggers begin with other requests, and clean up when those are refused. */
const PTRACE_ATTACH = 16

/** Offsets in what the kernel shows of a call. */
const NUMBER = 0
const AUDIT = 4
const argument = (index: number): number => 16 + 8 * index

/** `struct sock_filter`: an instruction of classic BPF. */
type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]
const load = (offset: number): Instruction => [0x20, 0, 0, offset]
const equal = (value: number, ifTrue: number, ifFalse: number): Instruction => [0x15, ifTrue, ifFalse, value]
const atLeast = (value: number, ifTrue: number, ifFalse: number): Instruction => [0x35, ifTrue, ifFalse, value]
const anyBit = (value: number, ifTrue: number, ifFalse: number): Instruction => [0x45, ifTrue, ifFalse, value]
const answer = (value: number): Instruction => [0x06, 0, 0, value]

/** The filter as bubblewrap's `--seccomp` reads it; undefined for an architecture it has no table of. */
export function seccompFilter(architecture: NodeJS.Architecture): Uint8Array | undefined {
  const table = ARCHITECTURES[architecture]
  return table && encoded(program(table))
}

function program({ audit, clone, ioctl, socket, ptrace, refused, fatal }: Architecture): readonly Instruction[] {
  return [
    ...[load(AUDIT), equal(audit, 1, 0), answer(KILL), load(NUMBER)],
    // The second table of x86-64, with 32-bit pointers.
    ...[atLeast(0x40000000, 0, 1), answer(ENOSYS)],
    ...[...refused, ...COMMON.refused].flatMap((call) => [equal(call, 0, 1), answer(EPERM)]),
    ...[...fatal, ...COMMON.fatal].flatMap((call) => [equal(call, 0, 1), answer(KILL)]),
    // Its flags lie in memory, where no filter sees them.
    ...[equal(COMMON.clone3, 0, 1), answer(ENOSYS)],
    ...[equal(clone, 0, 4), load(argument(0)), anyBit(CLONE_NEWUSER, 0, 1), answer(EPERM), answer(ALLOW)],
    ...byArgument(socket, { index: 0, values: [AF_ALG, AF_VSOCK], these: EAFNOSUPPORT, others: ALLOW }),
    ...byArgument(ioctl, { index: 1, values: [TIOCSTI, TIOCLINUX], these: EPERM, others: ALLOW }),
    ...byArgument(ptrace, { index: 0, values: [PTRACE_ATTACH, PTRACE_ATTACH], these: KILL, others: EPERM }),
    answer(ALLOW),
  ]
}

function byArgument(
  call: number,
  {
    index,
    values: [one, other],
    these,
    others,
  }: {
    readonly index: number
    readonly values: readonly [number, number]
    readonly these: number
    readonly others: number
  },
): readonly Instruction[] {
  return [
    ...[equal(call, 0, 5), load(argument(index)), equal(one, 2, 0), equal(other, 1, 0)],
    ...[answer(others), answer(these)],
  ]
}

function encoded(instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * 8)
  for (const [index, [code, ifTrue, ifFalse, value]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8)
    bytes.writeUInt8(ifTrue, index * 8 + 2)
    bytes.writeUInt8(ifFalse, index * 8 + 3)
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4)
  }
  return bytes
}
