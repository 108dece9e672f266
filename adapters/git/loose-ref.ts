import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The id a ref of the host's own repository stands at, without a git; undefined when absent or packed away. */
export async function looseRef(bare: string, ref: string): Promise<string | undefined> {
  const content = await readFile(join(bare, ref), 'utf8').catch(() => '')
  return content.trim() || undefined
}
