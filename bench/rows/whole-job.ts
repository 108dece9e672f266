import { setTimeout as delay } from 'node:timers/promises'
import { floorJobs, floorNote } from '../floor.ts'
import { planOf } from '../history.ts'
import { cpuMsOf } from '../process-tree.ts'
import type { Line, Row } from '../row.ts'
import { JOB, JOB_MODEL_CALLS } from '../script.ts'
import type { Stage } from '../stage.ts'
import { interleaved, median } from '../statistics.ts'
import { bareJobFor, requestFor, workedOn } from '../tasks.ts'

const ROUNDS = 7
/** The seat's files are removed after the task has ended; that is part of its cost. */
const SETTLE_MS = 200

/** What the gateway adds to a job: time and CPU above the model, git and the commands themselves. */
export const wholeJob: Row = {
  name: 'whole-job',
  latencyMs: 300,
  async measure(stage): Promise<readonly Line[]> {
    const { id } = await workedOn(stage, await requestFor(stage, JOB))
    const plan = await planOf(stage.temporal, id)
    const { product, bare, floor } = await interleaved(ROUNDS, {
      product: () => productJob(stage),
      bare: async () => stage.bareJobs([await bareJobFor(stage, JOB)]),
      floor: () => floorJobs(stage, plan, 1),
    })
    const seconds = (of: 'wallMs' | 'cpuMs') => ({
      measured: median(product.map((times) => times[of])) / 1_000,
      baseline: median(bare.map((times) => times[of])) / 1_000,
    })
    return [
      {
        what: 'whole job (read, fix, test, deliver), time',
        unit: 's',
        ...seconds('wallMs'),
        target: { of: 'excess', bound: 'at most', limit: 1 },
        notes: [
          `POST sent → task-ended received; ${JOB_MODEL_CALLS} model calls of 300 ms, one edit, the tests twice, a fresh repository each time`,
          'baseline: a plain script that makes the same model calls and edits, clones, commits after each change, runs the tests, clones again, checks, pushes',
        ],
      },
      {
        what: 'whole job, CPU',
        unit: 's',
        ...seconds('cpuMs'),
        target: { of: 'excess', bound: 'at most', limit: 1 },
        notes: [
          "all processes of the gateway (Builders, Temporal and PostgreSQL too) against git and the commands of the script; the model and both clients don't count",
        ],
      },
      {
        what: 'whole job, CPU, the least',
        unit: 's',
        measured: median(floor.map(({ cpuMs }) => cpuMs)) / 1_000,
        baseline: seconds('cpuMs').baseline,
        notes: [floorNote(plan)],
      },
    ]
  },
}

async function productJob(stage: Stage) {
  const request = await requestFor(stage, JOB)
  const before = cpuMsOf(stage.reaper)
  const started = performance.now()
  await workedOn(stage, request)
  const wallMs = performance.now() - started
  await delay(SETTLE_MS)
  return { wallMs, cpuMs: cpuMsOf(stage.reaper) - before }
}
