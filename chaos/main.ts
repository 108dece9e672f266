import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { play } from './play.ts'
import { planOf } from './plan.ts'
import { reportOf, textOf, type Report } from './report.ts'
import { SABOTAGES } from './sabotage.ts'
import { isTier, TIERS, type TierName } from './tiers.ts'

const USAGE = `Usage: npm run chaos -- [options]
  --tier NAME   ${Object.keys(TIERS).join(', ')}; default smoke
  --seed N      repeats the plan of an earlier run; default: any
  --plan        prints the plan and does nothing
  --json        prints JSON
  --record FILE keeps what was seen, all an oracle judges by
  --sabotage    the same on a copy of the gateway without some of its protections: the promises they keep must break
  --keep        leaves logs and databases of the run in its temporary folder
  --help        shows this`

const LARGEST_SEED = 2 ** 31

/** A mistake on the command line. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

interface Options {
  readonly tier: TierName
  readonly seed: number
  readonly plan: boolean
  readonly json: boolean
  readonly keep: boolean
  readonly sabotage: boolean
  readonly record?: string
}

function optionsOf(): Options | undefined {
  const { tier, seed, help, record, ...flags } = parsed()
  if (help) return undefined
  if (!isTier(tier)) throw new UsageError(`There is no tier ${tier}.`)
  if (seed !== undefined && !/^\d{1,9}$/.test(seed)) throw new UsageError(`--seed is ${seed}: give a whole number.`)
  return {
    tier,
    seed: seed === undefined ? randomInt(LARGEST_SEED) % 1_000_000 : Number(seed),
    ...flags,
    ...(record !== undefined && { record }),
  }
}

function parsed() {
  try {
    return parseArgs({
      options: {
        tier: { type: 'string', default: 'smoke' },
        seed: { type: 'string' },
        plan: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        record: { type: 'string' },
        sabotage: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** Aborts at the first SIGINT or SIGTERM, and when a run takes longer than any of its tier should. */
function stopSignal(tier: TierName): AbortSignal {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort(new Error(signal)))
  return AbortSignal.any([stopping.signal, AbortSignal.timeout(TIERS[tier].limitMs)])
}

async function run(): Promise<boolean> {
  const options = optionsOf()
  if (!options) {
    console.log(USAGE)
    return true
  }
  const { tier, seed, json, keep, sabotage } = options
  const plan = planOf(tier, seed)
  if (options.plan) {
    console.log(JSON.stringify(plan, undefined, 2))
    return true
  }
  process.stderr.write(`tier ${tier}, seed ${seed}\n`)
  const began = Date.now()
  const report = (line: string) => void process.stderr.write(`${line}\n`)
  const seen = await play(plan, { report, keep, sabotaged: sabotage, signal: stopSignal(tier) })
  if (options.record !== undefined) await writeFile(options.record, JSON.stringify(seen, undefined, 1))
  const judged = reportOf(seen, (Date.now() - began) / 1_000)
  if (sabotage) return provesItsOracles(judged)
  if (json) console.log(JSON.stringify({ tier, seed, ...judged }, undefined, 2))
  else
    console.log(
      `${textOf(judged)}\n\n${judged.holds ? 'All promises hold' : 'PROMISES ARE BROKEN'}: tier ${tier}, seed ${seed}`,
    )
  return judged.holds
}

/** Whether each promise broke that was sabotaged; says of each what was seen. */
function provesItsOracles({ oracles }: Report): boolean {
  const broke = SABOTAGES.map(({ what, breaks }) => {
    const [violation] = oracles.find(({ oracle }) => oracle === breaks)?.violations ?? []
    console.log(`${what}: ${violation === undefined ? `${breaks} DID NOT NOTICE` : `${breaks} broke (${violation})`}`)
    return violation !== undefined
  })
  return broke.every(Boolean)
}

run().then(
  (holds) => process.exit(holds ? 0 : 1),
  (error: unknown) => {
    if (error instanceof UsageError) process.stderr.write(`${error.message}\n\n${USAGE}\n`)
    else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(error instanceof UsageError ? 2 : 1)
  },
)
