import { z } from 'zod'
import { TASK_KINDS } from '../task.ts'

const words = z.string().trim()
/** Models like to send an empty text for what they leave out. */
const optionalWords = words.optional().transform((text) => (text === '' ? undefined : text))

/** The understanding step's answer as it comes from the model. Unknown fields are dropped, texts cut to size. */
export const understandingSchema = z.object({
  title: words.min(1).transform((text) => text.slice(0, 200)),
  kind: z.enum(TASK_KINDS),
  summary: words,
  priority: z.number(),
  risk: z.enum(['low', 'medium', 'high']),
  needsRepository: z.boolean(),
  clarifyingQuestion: optionalWords,
  answer: optionalWords,
  subtasks: z.array(z.object({ title: words, prompt: words })).optional(),
  acceptanceCommands: z.array(words).optional(),
})
