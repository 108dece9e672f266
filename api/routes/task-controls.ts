import type { Permission } from '../../domain/permissions.ts'
import { GatewayError } from '../../domain/errors.ts'
import { acceptsSteering, isFinal, type Task } from '../../domain/task.ts'
import {
  approvalParameters,
  budgetBody,
  decisionBody,
  messageBody,
  priorityBody,
  taskAnswer,
  taskParameters,
} from '../components.ts'
import { idOf, ownTaskOf, unknown, type ApiContext } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'
import { emptyBody, jsonBody } from '../json-body.ts'
import { viewOf } from '../task-view.ts'

const TAG = 'Control'
/** Every one of them is refused once the task has ended. */
const shared = { parameters: taskParameters, mayConflict: true } as const

/** What people do to a task that runs. */
export function controlRoutes(dependencies: ApiDependencies): readonly Endpoint[] {
  return [...signalRoutes(dependencies), ...changeRoutes(dependencies)]
}

function signalRoutes(dependencies: ApiDependencies): readonly Endpoint[] {
  const { tasks } = dependencies
  const signals = [
    {
      verb: 'cancel',
      summary: 'End a task; what runs for it is stopped',
      send: (taskId: string) => tasks.cancel({ taskId }),
    },
    { verb: 'pause', summary: 'Stop after the step in progress', send: (taskId: string) => tasks.pause({ taskId }) },
    { verb: 'resume', summary: 'Go on after a pause', send: (taskId: string) => tasks.resume({ taskId }) },
  ] as const
  return signals.map(({ verb, summary, send }) => ({
    ...{ method: 'post' as const, path: `/v1/tasks/{id}/${verb}`, tag: TAG, summary, ...shared },
    answer: { status: 202, schema: taskAnswer, description: 'Accepted; the events tell when it is done.' },
    handler: changing(dependencies, { permission: 'task:control', status: 202 }, async (context, task) => {
      await emptyBody(context)
      refuseEnded(task)
      if (task.state === 'delivering')
        throw new GatewayError('conflict', `${task.id} is being delivered and can no longer be stopped.`)
      await send(task.id)
    }),
  }))
}

function changeRoutes(dependencies: ApiDependencies): readonly Endpoint[] {
  const { tasks, store } = dependencies
  const answer = { status: 200, schema: taskAnswer, description: 'The changed task.' }
  return [
    {
      ...{ method: 'post', path: '/v1/tasks/{id}/messages', tag: TAG, summary: 'Answer a question or steer the task' },
      ...{ ...shared, body: messageBody },
      answer: { status: 202, schema: taskAnswer, description: 'The text stands in the next model request.' },
      handler: changing(dependencies, { permission: 'task:control', status: 202 }, async (context, task) => {
        const { text } = await jsonBody(context, messageBody)
        if (!acceptsSteering(task.state))
          throw new GatewayError(
            'conflict',
            `${task.id} takes no text any more (${task.state}). Send a new task instead.`,
          )
        await tasks.say({ taskId: task.id, text, from: context.get('caller').subject })
      }),
    },
    {
      ...{
        method: 'post',
        path: '/v1/tasks/{id}/approvals/{approvalId}',
        tag: TAG,
        summary: 'Decide over a tool call',
      },
      ...{ parameters: approvalParameters, body: decisionBody, mayConflict: true, answer },
      handler: changing(dependencies, { permission: 'task:approve', status: 200 }, async (context, task) => {
        const approvalId = idOf(context, 'approvalId')
        if (!approvalId || !(await store.conversations.hasApproval({ taskId: task.id, approvalId })))
          throw unknown(context, 'approval', 'approvalId')
        const decision = await jsonBody(context, decisionBody)
        refuseEnded(task)
        await tasks.decide({ taskId: task.id, approvalId, ...decision, by: context.get('caller').subject })
      }),
    },
    {
      ...{ method: 'post', path: '/v1/tasks/{id}/priority', tag: TAG, summary: 'Change the priority' },
      ...{ ...shared, body: priorityBody, answer },
      handler: changing(dependencies, { permission: 'task:prioritise', status: 200 }, async (context, task) => {
        const { priority } = await jsonBody(context, priorityBody)
        refuseEnded(task)
        await tasks.reprioritise({ taskId: task.id, priority })
      }),
    },
    {
      ...{ method: 'post', path: '/v1/tasks/{id}/budget', tag: TAG, summary: 'Set a new budget' },
      ...{ ...shared, body: budgetBody, answer },
      handler: changing(dependencies, { permission: 'task:control', status: 200 }, async (context, task) => {
        const { budgetUsd } = await jsonBody(context, budgetBody)
        refuseEnded(task)
        await tasks.raiseBudget({ taskId: task.id, budgetUsd })
      }),
    },
  ]
}

/** Finds the task, applies the change and answers with the task after it. */
function changing(
  dependencies: ApiDependencies,
  rule: { readonly permission: Permission; readonly status: 200 | 202 },
  change: (context: ApiContext, task: Task) => Promise<void>,
): Endpoint['handler'] {
  const { store } = dependencies
  return async (context) => {
    const task = await ownTaskOf(context, store.tasks, rule.permission)
    await change(context, task)
    return context.json(viewOf((await store.tasks.find(task.id)) ?? task, dependencies), rule.status)
  }
}

function refuseEnded(task: Task): void {
  if (isFinal(task.state))
    throw new GatewayError('conflict', `${task.id} has ended (${task.state}). Use retry to run it again.`)
}
