import type { EventView } from './client.ts'
import { printable } from '../domain/printable.ts'

type Say = (event: EventView) => string | undefined

const text = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)

/** What a person reads of each event; types without a line are left out. */
const LINES: Readonly<Record<string, Say>> = {
  'task-received': () => 'received',
  'task-understood': ({ summary, risk }) => `understood: ${text(summary)} (risk ${text(risk)})`,
  'task-queued': ({ strategy, model }) => `queued for a builder (route ${text(strategy)}, model ${text(model)})`,
  'builder-assigned': ({ builder, attempt }) =>
    `builder ${text(builder)}${attempt === 1 ? '' : `, attempt ${text(attempt)}`}`,
  'turn-started': ({ turn }) => `turn ${text(turn)}`,
  'tool-called': ({ summary, name }) => `  ${text(summary ?? name)}`,
  'tool-finished': ({ ok, summary }) => `  ${ok === true ? '✓' : '✗'} ${text(summary)}`,
  'message-sent': () => 'message sent',
  'approval-requested': ({ tool, approvalId, args, callHash }) =>
    `approval needed for ${text(tool)} ${text(args)}${callHash ? ` (call ${text(callHash)})` : ''}: ocg task approve|reject (${text(approvalId)})`,
  'approval-decided': ({ decision, by }) => `${text(decision)} by ${text(by)}`,
  'input-requested': ({ question }) => `question: ${text(question)} (answer with ocg task say)`,
  'budget-requested': ({ spentUsd, budgetUsd }) => `budget reached: $${text(spentUsd)} of $${text(budgetUsd)}`,
  'builder-lost': ({ builder, reason }) => `builder ${text(builder)} lost: ${text(reason)}`,
  'workspace-restored': () => 'workspace restored from the last checkpoint',
  'verification-finished': ({ verdict, commands }) =>
    `verification: ${text(verdict)} (${text(commands)} commands in a clean checkout)`,
  'task-ended': ({ state, code }) => `${text(state)}${code ? ` (${text(code)})` : ''}`,
}

/** An event as one line without its time; undefined when it says nothing to a person. */
export function lineOf(event: EventView): string | undefined {
  const line = LINES[event.type]?.(event)?.replace(/\s+$/, '').replaceAll('\n', ' ')
  return line && printable(line)
}
