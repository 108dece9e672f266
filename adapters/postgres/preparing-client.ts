import pg from 'pg'

/** `select *`, `returning *`, `t.*`. */
const GIVES_WHOLE_ROWS = /(?:select|returning) \*|\w\.\*/

/** Names of statements, the same in the whole process. */
const names = new Map<string, string>()

function nameOf(text: string): string {
  const known = names.get(text)
  if (known !== undefined) return known
  const name = `s${names.size}`
  names.set(text, name)
  return name
}

/**
 * A connection on which the server parses and plans each statement once: a task repeats the same fifty, and to plan
 * them costs more than to carry them out. Not one that gives whole rows (`*`): when a newer gateway adds a column
 * meanwhile, the server refuses the prepared one on this connection for ever.
 */
export class PreparingClient extends pg.Client {
  override query(...args: unknown[]): never {
    const [text, values, ...callback] = args
    const isPreparable = typeof text === 'string' && Array.isArray(values) && !GIVES_WHOLE_ROWS.test(text)
    const query = isPreparable ? [{ name: nameOf(text), text, values }] : [text, values]
    return super.query(...([...query, ...callback] as [string])) as never
  }
}
