import { inheritedDescriptors } from './inherited-descriptors.ts'
import { LIMITS } from './limits.ts'
import { EXTRA_INPUT } from './run-process.ts'

/** Units of a POSIX shell: files in blocks of 512 bytes, data in KiB. */
const FILE_UNIT = 512
const DATA_UNIT = 1_024

/**
 * Limits a child takes on before it becomes the command: node can set none for it. RLIMIT_DATA and never RLIMIT_AS:
 * Node reserves address space it does not use. A limit of the host that is lower already stays. What counts processes is
 * `-u` for bash, `-p` for dash.
 */
const limiting = (processes: number): string => `{
  ulimit -c 0
  ulimit -d ${LIMITS.memoryBytes / DATA_UNIT}
  ulimit -f ${LIMITS.fileBytes / FILE_UNIT}
  ulimit -n ${LIMITS.openFiles}
  ulimit -u ${processes} || ulimit -p ${processes}
} 2> /dev/null`

/** Variables a shell sets and nobody asked for. */
export const SHELL_VARIABLES = ['SHLVL', 'OLDPWD', '_']

/**
 * The words before a command that make a process limited, and close what this process inherited without wanting it:
 * node would hand that on to every child.
 */
export function launcher(processes: number): readonly string[] {
  const strays = inheritedDescriptors().filter((descriptor) => Number(descriptor) !== EXTRA_INPUT)
  const closing = strays.length === 0 ? '' : `exec ${strays.map((descriptor) => `${descriptor}>&-`).join(' ')}\n`
  // Small shells know descriptors of one digit only.
  const shell = strays.length === 0 ? ['sh'] : ['bash', '--posix']
  return [...shell, '-c', `${closing}${limiting(processes)}\nexec "$@"`, 'sh']
}
