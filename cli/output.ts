import type { Command } from 'commander'
import { printable } from '../domain/printable.ts'

/** Whether the command was asked for JSON, before or after its name. */
export const wantsJson = (command: Command): boolean => command.optsWithGlobals<{ json?: boolean }>().json === true

/** Prints an answer: as JSON when asked for, else as text for a person. */
export function print(command: Command, answer: { readonly json: unknown; readonly text: string }): void {
  const text = wantsJson(command) ? JSON.stringify(answer.json, null, 2) : printable(answer.text)
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** Rows as aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
