import { readdirSync, readFileSync } from 'node:fs'

/** Command lines of all processes of this machine, words separated by blanks. */
export function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      } catch {
        // It ended while we looked.
        return ''
      }
    })
}
