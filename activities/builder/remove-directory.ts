import { existsSync } from 'node:fs'
import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Removes a directory with everything in it, folders included whose owner took away every right. */
export async function removeDirectory(directory: string): Promise<void> {
  // Mostly there is none: a task without files has made none, and rm would take several looks.
  if (!existsSync(directory)) return
  try {
    await rm(directory, { recursive: true, force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    await openFolders(directory)
    await rm(directory, { recursive: true, force: true })
  }
}

async function openFolders(directory: string): Promise<void> {
  await chmod(directory, 0o700)
  for (const entry of await readdir(directory, { withFileTypes: true }))
    if (entry.isDirectory()) await openFolders(join(directory, entry.name))
}
