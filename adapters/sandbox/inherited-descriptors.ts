import { existsSync, readdirSync, readFileSync } from 'node:fs'

const DESCRIPTORS = '/proc/self/fdinfo'
/** `O_CLOEXEC`, as /proc shows the flags of a descriptor: in octal. */
const CLOSED_ON_EXEC = 0o2000000

/**
 * Open descriptors that a child would inherit: none of node's own, but whatever the shell or the service manager left
 * open for this process. Empty where /proc does not tell.
 */
export function inheritedDescriptors(): readonly string[] {
  if (!existsSync(DESCRIPTORS)) return []
  return readdirSync(DESCRIPTORS).filter((name) => Number(name) > 2 && isInherited(name))
}

function isInherited(descriptor: string): boolean {
  try {
    const [, flags = '0'] = /^flags:\s*(\d+)/m.exec(readFileSync(`${DESCRIPTORS}/${descriptor}`, 'utf8')) ?? []
    return (Number.parseInt(flags, 8) & CLOSED_ON_EXEC) === 0
  } catch {
    // The one that listed them is closed again.
    return false
  }
}
