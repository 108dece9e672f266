import { ulid } from 'ulidx'
import type { GatewayActivities } from '../../domain/contracts.ts'
import { GatewayError } from '../../domain/errors.ts'
import { ALL_EVENTS } from '../../domain/limits.ts'
import type { Store, TaskWork } from '../../domain/ports/store.ts'
import { conclude, partsOf, type Part } from '../../domain/subtasks.ts'
import { isFinal, type TaskRequest } from '../../domain/task.ts'
import type { Understanding } from '../../domain/understanding.ts'
import { partPrompt, toldMessage } from '../prompts/subtasks.ts'
import { briefOf } from './brief.ts'
import { leaveWait } from './leave-wait.ts'

type SubtaskActivities = Pick<
  GatewayActivities,
  'openSubtasks' | 'showSubtaskWait' | 'keepMessage' | 'concludeSubtasks'
>

/** The database steps of a task that is built in parts. */
export function createSubtaskActivities({ store }: { readonly store: Store }): SubtaskActivities {
  return {
    async openSubtasks({ taskId }) {
      const [work, added, attachments] = await Promise.all([
        store.tasks.work(taskId),
        store.conversations.unread(taskId),
        store.attachments.unread(taskId),
      ])
      const subtasks = subtasksOf(work, { added, attachments })
      const divided = await store.tasks.divide({ taskId, subtasks, told: added.length })
      await store.tasks.move({ taskId, to: 'building' })
      return divided.map(briefOf)
    },
    async showSubtaskWait({ taskId, subtaskId, waiting: reported }) {
      const [whole, subtask] = await Promise.all([store.tasks.find(taskId), store.tasks.find(subtaskId)])
      const waiting = subtask?.waiting
      // The next wait may stand there before its report: shown now, nobody would know whose answer it waits for.
      if (!whole || waiting?.for !== reported.for || waiting.approvalId !== reported.approvalId) return undefined
      await leaveWait(store, whole, waiting)
      const events = await store.tasks.events({ taskId: subtaskId, after: 0, limit: ALL_EVENTS })
      const type = `${waiting.for}-requested` as const
      const data = { ...events.findLast((event) => event.type === type)?.data, subtaskId }
      await store.tasks.move({ taskId, to: `awaiting_${waiting.for}`, change: { waiting }, events: [{ type, data }] })
      return waiting
    },
    async keepMessage({ answered, text, ...message }) {
      const question = answered === undefined ? undefined : (await store.tasks.find(answered))?.waiting?.question
      await store.conversations.keep({ ...message, text: toldMessage({ question, text }) })
    },
    async concludeSubtasks({ taskId }) {
      const task = await store.tasks.find(taskId)
      if (!task || isFinal(task.state)) throw new GatewayError('conflict', `${taskId} has ended already.`)
      return conclude(await store.tasks.subtasks(taskId)).failure
    },
  }
}

/**
 * A task that has ended takes its parts with it: those whose Managers never ran, and the others when it was ended by
 * hand. May be repeated; one that ends by itself meanwhile keeps that end.
 */
export async function endSubtasks({ tasks }: Pick<Store, 'tasks'>, taskId: string): Promise<void> {
  const data = { state: 'cancelled', verdict: null, code: null }
  for (const { id, state } of await tasks.subtasks(taskId)) {
    if (isFinal(state)) continue
    const end = { taskId: id, to: 'cancelled', events: [{ type: 'task-ended', data }] } as const
    await tasks.move(end).catch((error: unknown) => {
      if (!(error instanceof GatewayError) || error.code !== 'conflict') throw error
    })
  }
}

/** What was said to the whole before it was divided: its parts are told. */
interface Unread {
  readonly added: readonly string[]
  readonly attachments: readonly number[]
}

function subtasksOf({ task, request, understanding }: TaskWork, { added, attachments }: Unread) {
  if (!understanding) return []
  const parts = partsOf(task, understanding)
  const { budgetUsd: _, ...constraints } = request.constraints ?? {}
  return parts.map((part, index) => ({
    id: `task-${ulid()}`,
    // Without acceptance and callback: the whole is what is verified and told of.
    request: {
      prompt: partPrompt({ parts, index, request: task.prompt, added }),
      title: titleOf(part),
      kind: task.kind,
      priority: task.priority,
      constraints,
      labels: task.labels,
      ...(request.repository && { repository: request.repository }),
      ...(attachments.length > 0 && { attachments }),
    } satisfies TaskRequest,
    understanding: understandingOf(part, understanding),
  }))
}

const titleOf = ({ title, prompt }: Part): string => (title === '' ? prompt : title).slice(0, 200)

/** A part was understood together with the whole: no model is asked about it again. */
const understandingOf = (part: Part, { kind, priority, risk, needsRepository }: Understanding): Understanding => ({
  ...{ kind, priority, risk, needsRepository },
  title: titleOf(part),
  summary: titleOf(part),
})
