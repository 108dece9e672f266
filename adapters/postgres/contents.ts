import type { ModelContent, ModelPart } from '../../domain/conversation.ts'
import type { Transaction } from './transaction.ts'

interface TurnRow {
  number: number
  parts: ModelPart[]
}
interface ResponseRow {
  turn: number
  id: string
  name: string
  response: Record<string, unknown>
}
interface MessageRow {
  turn: number
  text: string
}

/**
 * The conversation before a turn, without the first user content: for each former turn the model's parts as they
 * came, all its function responses in one user content in the order of the calls, then the messages bound to the next
 * turn as a user content of their own.
 */
export async function contentsBefore(
  transaction: Transaction,
  request: { readonly taskId: string; readonly turn: number },
): Promise<readonly ModelContent[]> {
  const values = [request.taskId, request.turn]
  const [turns, responses, messages] = await Promise.all([
    transaction.query<TurnRow>(
      'select number, parts from turn where task_id = $1 and number < $2 and parts is not null order by number',
      values,
    ),
    transaction.query<ResponseRow>(
      `select turn, id, name, response from tool_call where task_id = $1 and turn < $2 order by turn, position`,
      values,
    ),
    transaction.query<MessageRow>(
      'select turn, text from message where task_id = $1 and turn <= $2 order by number',
      values,
    ),
  ])
  const messagesBefore = (turn: number): ModelContent[] => {
    const parts = messages.rows.filter((row) => row.turn === turn).map(({ text }) => ({ text }))
    return parts.length === 0 ? [] : [{ role: 'user', parts }]
  }
  return [
    ...messagesBefore(1),
    ...turns.rows.flatMap(({ number, parts }): ModelContent[] => {
      const answered = responses.rows
        .filter((row) => row.turn === number)
        // Older models give no ids; then the order alone pairs calls and responses.
        .map(({ id, name, response }) => ({ functionResponse: { ...(id !== '' && { id }), name, response } }))
      return [
        { role: 'model', parts },
        ...(answered.length === 0 ? [] : [{ role: 'user' as const, parts: answered }]),
        ...messagesBefore(number + 1),
      ]
    }),
  ]
}
