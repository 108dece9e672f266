import type { Transaction } from './transaction.ts'

/** Which message it is; without a key it is always a new one. */
interface MessageIdentity {
  readonly taskId: string
  readonly key?: string | undefined
}

/**
 * Takes a message once: who repeats it because the answer was lost gets that answer. The task is locked by then, so
 * that two tries follow each other.
 */
export async function takenOnce<Answer extends string>(
  transaction: Transaction,
  { taskId, key }: MessageIdentity,
  take: () => Promise<Answer>,
): Promise<Answer> {
  if (key === undefined) return take()
  const { rows } = await transaction.query<{ answer: Answer }>(
    'select answer from taken_message where task_id = $1 and key = $2',
    [taskId, key],
  )
  if (rows[0]) return rows[0].answer
  const answer = await take()
  transaction.write('insert into taken_message (task_id, key, answer) values ($1, $2, $3)', [taskId, key, answer])
  return answer
}
