/**
 * A seccomp filter: what no engineering command needs of the kernel, and what attacks on it begin with. Everything
 * else is allowed. Numbers are the kernel's tables of each architecture; the list follows what container runtimes
 * refuse without capabilities, and adds `ptrace`, `io_uring` and the sockets no network namespace contains.
 */

interface Architecture {
  /** `AUDIT_ARCH_*`: a call by the rules of another architecture would mean something else. */
  readonly audit: number
  readonly clone: number
  readonly ioctl: number
  readonly socket: number
  readonly refused: readonly number[]
}

/** New in the kernel since its tables are the same everywhere. */
const COMMON = {
  clone3: 435,
  /** io_uring, the mount calls of descriptors, quotactl_fd. */
  refused: [425, 426, 427, 428, 429, 430, 431, 432, 433, 442, 443],
} as const

const ARCHITECTURES: Readonly<Partial<Record<NodeJS.Architecture, Architecture>>> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    ioctl: 16,
    socket: 41,
    refused: [
      ...[101, 310, 311, 312], // ptrace, process_vm_readv, process_vm_writev, kcmp
      ...[248, 249, 250], // add_key, request_key, keyctl
      ...[298, 321, 323, 300], // perf_event_open, bpf, userfaultfd, fanotify_init
      ...[155, 161, 165, 166, 272, 308], // pivot_root, chroot, mount, umount2, unshare, setns
      ...[246, 320, 175, 313, 176], // kexec_load, kexec_file_load, init_module, finit_module, delete_module
      ...[163, 167, 168, 169, 179], // acct, swapon, swapoff, reboot, quotactl
      ...[159, 164, 227, 305], // adjtimex, settimeofday, clock_settime, clock_adjtime
      ...[103, 153, 154, 172, 173, 180, 212], // syslog, vhangup, modify_ldt, iopl, ioperm, nfsservctl, lookup_dcookie
      ...[303, 304], // name_to_handle_at, open_by_handle_at
    ],
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    ioctl: 29,
    socket: 198,
    refused: [
      ...[117, 270, 271, 272], // ptrace, process_vm_readv, process_vm_writev, kcmp
      ...[217, 218, 219], // add_key, request_key, keyctl
      ...[241, 280, 282, 262], // perf_event_open, bpf, userfaultfd, fanotify_init
      ...[41, 51, 40, 39, 97, 268], // pivot_root, chroot, mount, umount2, unshare, setns
      ...[104, 294, 105, 273, 106], // kexec_load, kexec_file_load, init_module, finit_module, delete_module
      ...[89, 224, 225, 142, 60], // acct, swapon, swapoff, reboot, quotactl
      ...[171, 170, 112, 266], // adjtimex, settimeofday, clock_settime, clock_adjtime
      ...[116, 58, 42, 18], // syslog, vhangup, nfsservctl, lookup_dcookie
      ...[264, 265], // name_to_handle_at, open_by_handle_at
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
export function seccompFilter(architecture: NodeJS.Architecture = process.arch): Uint8Array | undefined {
  const table = ARCHITECTURES[architecture]
  return table && encoded(program(table))
}

function program({ audit, clone, ioctl, socket, refused }: Architecture): readonly Instruction[] {
  return [
    ...[load(AUDIT), equal(audit, 1, 0), answer(KILL), load(NUMBER)],
    // The second table of x86-64, with 32-bit pointers.
    ...[atLeast(0x40000000, 0, 1), answer(ENOSYS)],
    ...[...refused, ...COMMON.refused].flatMap((call) => [equal(call, 0, 1), answer(EPERM)]),
    // Its flags lie in memory, where no filter sees them.
    ...[equal(COMMON.clone3, 0, 1), answer(ENOSYS)],
    ...[equal(clone, 0, 4), load(argument(0)), anyBit(CLONE_NEWUSER, 0, 1), answer(EPERM), answer(ALLOW)],
    ...refusedArguments(socket, { index: 0, values: [AF_ALG, AF_VSOCK], instead: EAFNOSUPPORT }),
    ...refusedArguments(ioctl, { index: 1, values: [TIOCSTI, TIOCLINUX], instead: EPERM }),
    answer(ALLOW),
  ]
}

function refusedArguments(
  call: number,
  {
    index,
    values: [one, other],
    instead,
  }: { readonly index: number; readonly values: readonly [number, number]; readonly instead: number },
): readonly Instruction[] {
  return [
    ...[equal(call, 0, 5), load(argument(index)), equal(one, 2, 0), equal(other, 1, 0)],
    ...[answer(ALLOW), answer(instead)],
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
