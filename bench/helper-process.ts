import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const RUN = fileURLToPath(new URL('../bin/run.mjs', import.meta.url))
const REAPER = fileURLToPath(new URL('./reaper.py', import.meta.url))
const STOP_LIMIT_MS = 10_000

interface Question {
  readonly id: number
  readonly question: unknown
}
interface Reply {
  readonly id: number
  readonly answer?: unknown
  readonly error?: string
}

/** A process of the bench beside the product's, so that neither pays for the other. */
export interface HelperProcess<Question, Answer> {
  readonly pid: number
  ask(question: Question): Promise<Answer>
  stop(): Promise<void>
}

/**
 * Starts an entry point of the bench; resolves when it says that it is ready. One that is reaped is the child of the
 * process that inherits whatever it leaves behind.
 */
export async function startHelper<Asked, Answer>(
  entry: string,
  args: readonly string[],
  { reaped = false } = {},
): Promise<HelperProcess<Asked, Answer>> {
  const path = fileURLToPath(new URL(entry, import.meta.url))
  const child = fork(RUN, [path, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...(reaped && { execPath: 'python3', execArgv: [REAPER, process.execPath] }),
  })
  const waiting = new Map<number, (reply: Reply) => void>()
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply))
  const gone = once(child, 'exit').then(() => {
    for (const [id, settle] of waiting) settle({ id, error: `${entry} ended` })
  })
  let asked = 0
  const ask = async (question: unknown): Promise<unknown> => {
    const id = asked++
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve)
      if (!child.connected) return resolve({ id, error: `${entry} is not running` })
      child.send({ id, question } satisfies Question)
    })
    waiting.delete(id)
    if (reply.error !== undefined) throw new Error(reply.error)
    return reply.answer
  }
  await ask('ready?')
  return {
    pid: child.pid ?? 0,
    ask: (question) => ask(question) as Promise<Answer>,
    async stop() {
      if (child.connected) child.disconnect()
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      await gone
      clearTimeout(late)
    },
  }
}

/** The helper's side: answers questions until its parent lets go. */
export function answerQuestions(answer: (question: never) => Promise<unknown>, stop?: () => Promise<void>): void {
  process.on('message', ({ id, question }: Question) => {
    const answered = question === 'ready?' ? Promise.resolve('ready') : answer(question as never)
    answered.then(
      (value) => process.send?.({ id, answer: value } satisfies Reply),
      (error: unknown) => process.send?.({ id, error: String(error) } satisfies Reply),
    )
  })
  process.once('disconnect', () => void (stop?.() ?? Promise.resolve()).finally(() => process.exit(0)))
}
