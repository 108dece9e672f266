import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openTestApi, problemOf, type TestApi } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'
import { randomRequests, type RandomRequest } from '../support/random-requests.ts'

/** Enough to meet every route, method and field many times; a few seconds. */
const REQUESTS = 1_000
/** As many as a browser and a script would have open. */
const AT_ONCE = 20
/** Nothing here waits for anything. */
const PATIENCE_MS = 10_000

let api: TestApi
let ids: readonly string[]
beforeAll(async () => {
  api = await openTestApi({ url: await freshDatabase() })
  ids = await Promise.all(
    (['received', 'building', 'awaiting_input', 'verifying', 'completed', 'failed'] as const).map((state) =>
      api.taskIn(state),
    ),
  )
})
afterAll(() => api.close())

interface Outcome {
  readonly status: number
  readonly complaint?: string | undefined
}

async function outcomeOf({ path, ...call }: RandomRequest): Promise<Outcome> {
  const response = await Promise.race([api.call(path, call), delay(PATIENCE_MS, undefined, { ref: false })])
  if (!response) return { status: 0, complaint: 'no answer' }
  const { status } = response
  if (status >= 500) return { status, complaint: await response.text() }
  if (status >= 400 && call.method !== 'HEAD') return { status, complaint: await complaintAbout(response) }
  await response.body?.cancel()
  return { status }
}

/** What a refusal lacks; undefined when nothing. */
async function complaintAbout(response: Response): Promise<string | undefined> {
  const { status, errors = [] } = await problemOf(response)
  if ((status === 400 || status === 422) && errors.length === 0) return 'bad input without a place'
  if (status === 401 && !response.headers.has('www-authenticate')) return 'no WWW-Authenticate'
  if (status === 405 && !response.headers.has('allow')) return 'no Allow'
  return undefined
}

it.each([1, 2])('answers 1,000 random requests (seed %i) without a fault of its own', async (seed) => {
  const requests = randomRequests({ seed, ids })
  const complaints: object[] = []
  const seen = new Set<number>()
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const request = requests.next().value as RandomRequest
        const outcome = await outcomeOf(request).catch((error: unknown) => ({ status: 0, complaint: String(error) }))
        seen.add(outcome.status)
        if (outcome.complaint !== undefined) complaints.push({ ...outcome, request })
      }),
    )
  expect(complaints).toEqual([])
  // The requests reach every kind of answer, or the test would say little.
  expect([...seen]).toEqual(expect.arrayContaining([200, 201, 202, 400, 401, 403, 404, 405, 409, 415, 422]))
  await expect.poll(() => api.followers(), { timeout: 5_000 }).toBe(0)
})
