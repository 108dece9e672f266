import { createInterface } from 'node:readline'

/** A mistake on the command line; its message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const MAX_PORT = 65_535

/** Reads a flag that is a whole number. */
export function wholeNumber(flag: string, text: string, most: number): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isInteger(number) && number >= 0 && number <= most) return number
  throw new UsageError(`${flag} is ${JSON.stringify(text)}: give a whole number from 0 to ${most}.`)
}

/** Plays what is typed: `/press …` presses a button, any other line is said. Mistakes are told, not fatal. */
export function talk(deeds: { says(text: string): void; presses(button: string): void }): void {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    const button = /^\/press (.+)$/.exec(line)?.[1]
    try {
      if (button !== undefined) deeds.presses(button)
      else if (line.trim() !== '') deeds.says(line)
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error))
    }
  })
}

/** Runs a command; what goes wrong is told in a line or two with what to do about it. */
export async function runCommand(usage: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    console.error(explain(error, usage))
    process.exitCode = 1
  }
}

function explain(error: unknown, usage: string): string {
  const { code, path, port } = error as NodeJS.ErrnoException & { port?: number }
  if (error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS') === true)
    return `${(error as Error).message}\n\n${usage}`
  if (code === 'EADDRINUSE') return `Port ${port} is taken. Choose another with --port, or --port 0 for a free one.`
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
    return `${path ?? 'A given file'} cannot be written (${code}). Check --ledger.`
  return error instanceof Error ? error.message : String(error)
}
