import { z } from 'zod'
import { GatewayError } from '../../domain/errors.ts'
import { receiptSchema } from '../../domain/schemas/receipt.ts'
import { isFinal, type Task } from '../../domain/task.ts'
import { taskParameters } from '../components.ts'
import { allowed, taskOf } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'

/** What came of a task: the change, the conversation, the proof. */
export function resultRoutes({ store, receiptKeys }: ApiDependencies): readonly Endpoint[] {
  const shared = { method: 'get', tag: 'Results', parameters: taskParameters } as const
  return [
    {
      ...{ ...shared, path: '/v1/tasks/{id}/patch', summary: 'The change, fit for git apply' },
      answer: { status: 200, mediaType: 'text/x-diff', description: 'Diff from the base to the delivered commit.' },
      mayConflict: true,
      async handler(context) {
        allowed(context, 'task:read')
        const task = await taskOf(context, store.tasks)
        const patch = await store.artifacts.patch(task.id)
        if (!patch && !isFinal(task.state)) throw notYet(task, 'patch')
        return new Response(new Uint8Array(patch ?? []), { headers: { 'content-type': 'text/x-diff' } })
      },
    },
    {
      ...{ ...shared, path: '/v1/tasks/{id}/transcript', summary: 'Turns, tool calls and messages' },
      answer: {
        status: 200,
        schema: z.object({ items: z.array(z.record(z.string(), z.unknown())) }),
        description: 'The whole conversation with the model, in order.',
      },
      async handler(context) {
        allowed(context, 'task:read')
        const task = await taskOf(context, store.tasks)
        return context.json({ items: await store.conversations.transcript(task.id) })
      },
    },
    {
      ...{ ...shared, path: '/v1/tasks/{id}/receipt', summary: 'The signed proof of the verification' },
      answer: { status: 200, schema: receiptSchema, description: 'Check it with `ocg receipt verify`.' },
      mayConflict: true,
      async handler(context) {
        allowed(context, 'task:read')
        const task = await taskOf(context, store.tasks)
        const receipt = await store.artifacts.receipt(task.id)
        if (receipt) return context.json(receipt)
        if (!isFinal(task.state)) throw notYet(task, 'receipt')
        throw new GatewayError('not_found', `${task.id} ended without a verification, so it has no receipt.`)
      },
    },
    {
      ...{ method: 'get', tag: 'Results', path: '/v1/receipt-keys', summary: 'Public keys receipts are signed with' },
      answer: {
        status: 200,
        schema: z.object({ items: z.array(z.object({ keyId: z.string(), publicKey: z.string() })) }),
        description: 'SPKI DER in base64.',
      },
      handler(context) {
        allowed(context, 'task:read')
        return context.json({ items: receiptKeys() })
      },
    },
  ]
}

const notYet = (task: Task, what: string): GatewayError =>
  new GatewayError('conflict', `${task.id} has no ${what} yet (${task.state}). Wait for its verification.`)
