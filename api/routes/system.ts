import { z } from 'zod'
import { allowed } from '../caller.ts'
import type { ApiDependencies } from '../dependencies.ts'
import type { Endpoint } from '../endpoint.ts'

const builderSchema = z.object({
  id: z.string(),
  pid: z.int(),
  host: z.string(),
  state: z.enum(['starting', 'idle', 'busy', 'draining', 'lost']),
  seats: z.int(),
  seatsUsed: z.int(),
  tasks: z.array(z.string()),
  startedAt: z.iso.datetime(),
  lastHeartbeatAt: z.iso.datetime(),
  restarts: z.int(),
  cpu: z.number(),
  rssBytes: z.int(),
  supervised: z.boolean(),
  idleSince: z.iso.datetime().optional(),
})

const readinessSchema = z.object({ ok: z.boolean(), failing: z.array(z.string()) })

/** Health, readiness and the Builder Pool. */
export function systemRoutes({ store, ready, pool }: ApiDependencies): readonly Endpoint[] {
  return [
    {
      ...{ method: 'get', path: '/healthz', tag: 'System', summary: 'Whether the process lives', isPublic: true },
      answer: { status: 200, schema: z.object({ ok: z.boolean() }), description: 'It does.' },
      handler: (context) => context.json({ ok: true }),
    },
    {
      ...{ method: 'get', path: '/readyz', tag: 'System', summary: 'Whether tasks can be worked on', isPublic: true },
      answer: { status: 200, schema: readinessSchema, description: 'Every part answers.' },
      otherAnswer: { status: 503, schema: readinessSchema, description: 'Names the parts that do not.' },
      async handler(context) {
        const readiness = await ready()
        return context.json(readiness, readiness.ok ? 200 : 503)
      },
    },
    {
      ...{ method: 'get', path: '/v1/builders', tag: 'System', summary: 'The Builder Pool and its queue' },
      answer: {
        status: 200,
        schema: z.object({
          items: z.array(builderSchema),
          queueDepth: z.int(),
          oldestWaitMs: z.int(),
          min: z.int(),
          max: z.int(),
        }),
        description: 'Builders, seats and waiting requests.',
      },
      async handler(context) {
        allowed(context, 'builder:read')
        const [items, depth] = await Promise.all([store.builders.list(), pool()])
        return context.json({ items, ...depth })
      },
    },
  ]
}
