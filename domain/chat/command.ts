/** What people can ask for by name, in the order in which help lists them. */
export const COMMANDS = {
  new: { form: '/new <text>', does: 'start a task' },
  tasks: { form: '/tasks', does: 'list your newest tasks' },
  status: { form: '/status [id]', does: 'show a task' },
  cancel: { form: '/cancel [id]', does: 'end a task' },
  pause: { form: '/pause [id]', does: 'stop after the step in progress' },
  resume: { form: '/resume [id]', does: 'go on after a pause' },
  approve: { form: '/approve [id]', does: 'allow what a task waits with' },
  reject: { form: '/reject [id] [why]', does: 'refuse it' },
  retry: { form: '/retry [id]', does: 'run an ended task again' },
  diff: { form: '/diff [id]', does: 'show the change' },
  logs: { form: '/logs [id]', does: 'show the last steps' },
  cost: { form: '/cost [id]', does: 'show what a task cost' },
  budget: { form: '/budget <usd> [id]', does: 'set a new budget' },
  repo: { form: '/repo [name]', does: 'choose the repository of this chat' },
  link: { form: '/link <code>', does: 'tie this chat user to your account' },
  help: { form: '/help', does: 'show this list' },
} as const

export type CommandName = keyof typeof COMMANDS

/** What only buttons say: for which task, or in which repository, an earlier message was meant. */
export const BUTTON_COMMANDS = ['to', 'in'] as const
export type ButtonCommandName = (typeof BUTTON_COMMANDS)[number]

/** A command as it was said; `name` is undefined for one nobody knows. */
export interface Command {
  readonly name: CommandName | ButtonCommandName | undefined
  /** As it was typed, without slash and addressee. */
  readonly said: string
  /** Everything after it. */
  readonly rest: string
}

const FORM = /^\/([A-Za-z][A-Za-z0-9_]{0,63})(?:@([A-Za-z0-9_]+))?(?:\s+([\s\S]*))?$/

/**
 * Reads `/x`, `/x rest` and `/x@bot`. Undefined for free text (a path such as `/etc/hosts` is one) and for another
 * bot's command.
 */
export function readCommand(text: string, bot?: string): Command | undefined {
  const [, said, addressee, rest = ''] = FORM.exec(text.trim()) ?? []
  if (said === undefined) return undefined
  if (addressee !== undefined && bot !== undefined && addressee.toLowerCase() !== bot.toLowerCase()) return undefined
  const name = said.toLowerCase()
  return { name: isKnown(name) ? name : undefined, said, rest: rest.trim() }
}

const isKnown = (name: string): name is CommandName | ButtonCommandName =>
  Object.hasOwn(COMMANDS, name) || (BUTTON_COMMANDS as readonly string[]).includes(name)

/** The first word and what follows it. */
export function firstWord(text: string): readonly [word: string, rest: string] {
  const [, word = '', rest = ''] = /^(\S*)\s*([\s\S]*)$/.exec(text.trim()) ?? []
  return [word, rest]
}
