import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { table } from '../../cli/output.ts'
import { collectTasks } from '../collect.ts'
import { startStage, type Stage } from '../stage.ts'
import { CrashTrap } from './crash-trap.ts'
import { violationsOf } from './judge.ts'
import { liveThrough, markOf, scriptFor } from './life.ts'
import { EFFECTS, MOMENTS, type Effect, type Moment } from './points.ts'

/** A life takes seconds, and a gateway that was killed a few more. */
const LIFE_LIMIT_MS = 180_000

interface Point {
  readonly key: string
  readonly effect: Effect
  readonly moment: Moment
}

interface Outcome extends Point {
  readonly seconds: number
  readonly violations: readonly string[]
}

const USAGE = `Usage: npm run crash-points -- [options]
  --only WORDS  only effects whose name holds one of these words (comma)
  --json        prints JSON
  --keep        leaves logs and databases of the run in its temporary folder
  --help        shows this`

function pointsOf(only: readonly string[]): readonly Point[] {
  return EFFECTS.filter(({ name }) => only.length === 0 || only.some((words) => name.includes(words))).flatMap(
    (effect, index) => MOMENTS.map((moment) => ({ key: `${index}-${moment}`, effect, moment })),
  )
}

/** Lives one life and kills at the point. */
async function strikeAt(stage: Stage, trap: CrashTrap, { key, effect, moment }: Point): Promise<Outcome> {
  const begun = Date.now()
  const signal = AbortSignal.timeout(LIFE_LIMIT_MS)
  const order = moment === 'before' ? 'kill-before' : 'kill-after'
  const gateway = stage.gateway.pid ?? 0
  let struck = false
  if (effect.words === undefined) await stage.remotes.order(order, 0)
  else void trap.arm({ effect, moment, gateway }).then(() => (struck = true))
  const task = await liveThrough(stage, key, signal)
  trap.disarm()
  if (effect.words === undefined) struck = !(await stage.remotes.withdraw(order))
  const [ended] = await collectTasks(stage, [{ key, task }])
  const updates = await stage.remotes.updates(key)
  const calls = stage.simulator.ledger.filter(({ taskMatch }) => taskMatch === markOf(key))
  const violations = ended ? violationsOf({ task, ended, updates, calls }) : ['it cannot be read']
  const seconds = (Date.now() - begun) / 1_000
  return { key, effect, moment, seconds, violations: [...(struck ? [] : ['nothing was struck']), ...violations] }
}

async function play(points: readonly Point[], keep: boolean): Promise<readonly Outcome[]> {
  const stage = await startStage(() => scriptFor(points.map(({ key }) => key)))
  const trap = new CrashTrap()
  stage.links.postgres.tap = trap.tap
  const outcomes: Outcome[] = []
  try {
    for (const point of points) {
      const failed = (error: unknown): Outcome => ({
        ...point,
        seconds: 0,
        violations: [`it did not end: ${String(error)}`],
      })
      const outcome = await strikeAt(stage, trap, point).catch(failed)
      outcomes.push(outcome)
      process.stderr.write(`${lineOf(outcome).join(' · ')}\n`)
      // A gateway that was killed at the very end may still be starting.
      while (stage.gateway.url === undefined) await delay(100)
    }
  } finally {
    await stage.stop({ keep })
  }
  return outcomes
}

const lineOf = ({ effect, moment, seconds, violations }: Outcome): readonly string[] => [
  ...[effect.process, effect.name, moment, `${seconds.toFixed(1)} s`],
  violations.length === 0 ? 'holds' : `BROKEN: ${violations.join('; ')}`,
]

async function run(): Promise<boolean> {
  const { help, only, json, keep } = parseArgs({
    options: {
      ...{ only: { type: 'string', default: '' }, json: { type: 'boolean', default: false } },
      ...{ keep: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    },
  }).values
  if (help) {
    console.log(USAGE)
    return true
  }
  const outcomes = await play(pointsOf(only.split(',').filter(Boolean)), keep)
  const holds = outcomes.every(({ violations }) => violations.length === 0)
  if (json) console.log(JSON.stringify({ holds, outcomes }, undefined, 2))
  else console.log(table([['killed', 'effect', 'moment', 'took', ''], ...outcomes.map(lineOf)]))
  return holds
}

run().then(
  (holds) => process.exit(holds ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  },
)
