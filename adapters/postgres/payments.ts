import type { ConversationStore } from '../../domain/ports/store.ts'

type RecordCall = Parameters<ConversationStore['recordCall']>[0]

const SUMS = `usd = task.usd + $5, model_calls = task.model_calls + 1, input_tokens = task.input_tokens + $6,
  output_tokens = task.output_tokens + $7, thought_tokens = task.thought_tokens + $8,
  cached_tokens = task.cached_tokens + $9`

/**
 * Parts of a statement that notes a paid call and adds it to the sums of its task, if that is as the condition says,
 * then of the task that one is a part of: everybody locks a sub-task before its whole. `paid` is the task afterwards.
 */
export const paidBy = (condition: string): string => `
  paid as (update task set ${SUMS} where id = $1 and ${condition} returning id, parent_id, usd),
  whole as (update task set ${SUMS} from paid where task.id = paid.parent_id),
  noted as (insert into model_call (task_id, turn, model, usage, usd) select id, $2, $3, $4::json, $5 from paid)`

/** The first nine values of such a statement. */
export const callValues = ({ taskId, turn, model, usage, usd }: RecordCall): unknown[] => [
  taskId,
  turn,
  model,
  JSON.stringify(usage),
  usd,
  usage.inputTokens,
  usage.outputTokens,
  usage.thoughtTokens,
  usage.cachedTokens,
]

/** A call that stands for nothing else: of the understanding step, or one whose answer cannot be used. */
export const RECORD_CALL = `with ${paidBy('true')} select id from paid`
