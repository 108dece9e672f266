import { MAX_TOOL_OUTPUT_IN_PROMPT } from '../../domain/limits.ts'
import type { BlockedAttempt } from '../../domain/ports/sandbox.ts'
import type { PlanItem } from '../../domain/task.ts'

/** What a tool call came to. */
export interface ToolResult {
  readonly ok: boolean
  /** `functionResponse.response`: `{output}` or `{error}`. */
  readonly response: Readonly<Record<string, unknown>>
  /** A few words for watchers. */
  readonly summary: string
  /** Whether the workspace may have changed. */
  readonly changed: boolean
  /** For people: the whole output when the response holds only a part, the diff of a file that was changed. */
  readonly output?: string
  readonly plan?: readonly PlanItem[]
  /** What the boundary stopped meanwhile. */
  readonly blocked?: readonly BlockedAttempt[]
}

/** A successful call that changed nothing unless said otherwise. */
export function succeeded(result: {
  readonly output: string
  readonly summary: string
  readonly changed?: boolean
  readonly keep?: 'start' | 'both-ends'
}): ToolResult {
  const { text, whole } = shortened(result.output, result.keep ?? 'both-ends')
  return {
    ok: true,
    response: { output: text },
    summary: result.summary,
    changed: result.changed ?? false,
    ...(whole && { output: result.output }),
  }
}

/** A call the model must correct or live with. */
export function failed(error: string, options: { readonly changed?: boolean } = {}): ToolResult {
  const { text, whole } = shortened(error, 'both-ends')
  const summary = error.split('\n')[0]?.slice(0, 120) ?? 'failed'
  return {
    ok: false,
    response: { error: text },
    summary,
    changed: options.changed ?? false,
    ...(whole && { output: error }),
  }
}

/** Cuts to what a prompt may hold, at line ends, and says how much is missing. */
function shortened(text: string, keep: 'start' | 'both-ends'): { readonly text: string; readonly whole: boolean } {
  const bytes = Buffer.from(text)
  if (bytes.length <= MAX_TOOL_OUTPUT_IN_PROMPT) return { text, whole: false }
  const headBytes = keep === 'start' ? MAX_TOOL_OUTPUT_IN_PROMPT : MAX_TOOL_OUTPUT_IN_PROMPT / 4
  const head = untilLineEnd(bytes.subarray(0, headBytes).toString('utf8'))
  const missing = (shown: number) => `[… ${bytes.length - shown} of ${bytes.length} bytes left out …]`
  if (keep === 'start') return { text: `${head}\n${missing(Buffer.byteLength(head))}`, whole: true }
  const tail = fromLineStart(bytes.subarray(-(MAX_TOOL_OUTPUT_IN_PROMPT - headBytes)).toString('utf8'))
  return { text: `${head}\n${missing(Buffer.byteLength(head) + Buffer.byteLength(tail))}\n${tail}`, whole: true }
}

function untilLineEnd(text: string): string {
  const end = text.lastIndexOf('\n')
  return (end > text.length / 2 ? text.slice(0, end) : text).replace(/�+$/, '')
}

function fromLineStart(text: string): string {
  const start = text.indexOf('\n')
  return (start >= 0 && start < text.length / 2 ? text.slice(start + 1) : text).replace(/^�+/, '')
}
