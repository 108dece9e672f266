import { parseArgs } from 'node:util'
import { playTasks } from './play-tasks.ts'
import { isMet, type Line, type Row } from './row.ts'
import { ROWS } from './rows/index.ts'
import { SCRIPT } from './script.ts'
import { startStage, type Stage } from './stage.ts'
import { jsonOf, tableOf } from './table.ts'

const USAGE = `Usage: npm run bench -- [options]
  --only NAME     one row; may be given several times: ${ROWS.map(({ name }) => name).join(', ')}
  --tasks FOLDER  instead of the rows: plays the reference solution of every task of an Exercism collection
  --json          prints JSON
  --help          shows this`

/** A mistake on the command line. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

function optionsOf() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        tasks: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function chosen(names: readonly string[] | undefined): readonly Row[] {
  const unknown = names?.find((name) => !ROWS.some((row) => row.name === name))
  if (unknown !== undefined) throw new UsageError(`There is no row ${unknown}.`)
  return names ? ROWS.filter(({ name }) => names.includes(name)) : ROWS
}

/** Measures rows; those with a model of the same speed share a gateway. */
async function measure(rows: readonly Row[], stopping: Promise<never>): Promise<readonly Line[]> {
  const lines: Line[] = []
  for (const latencyMs of new Set(rows.map((row) => row.latencyMs))) {
    const stage = await startStage({ script: SCRIPT, latencyMs })
    try {
      for (const row of rows.filter((candidate) => candidate.latencyMs === latencyMs))
        lines.push(...(await Promise.race([measured(row, stage), stopping])))
    } finally {
      await stage.stop()
    }
  }
  return lines
}

async function measured(row: Row, stage: Stage): Promise<readonly Line[]> {
  process.stderr.write(`measuring ${row.name} …\n`)
  return row.measure(stage)
}

/** Rejects at the first SIGINT or SIGTERM, so that everything started is stopped on the way out. */
function stopRequested(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(signal)))
  })
}

async function run(): Promise<boolean> {
  const { only, tasks, json, help } = optionsOf()
  if (help) {
    console.log(USAGE)
    return true
  }
  const rows = chosen(only)
  const stopping = stopRequested()
  stopping.catch(() => undefined)
  if (tasks !== undefined) return playTasks(tasks, { json, stopping })
  const lines = await measure(rows, stopping)
  console.log(json ? jsonOf(lines) : tableOf(lines))
  return lines.every(isMet)
}

run().then(
  (met) => process.exit(met ? 0 : 1),
  (error: unknown) => {
    if (error instanceof UsageError) process.stderr.write(`${error.message}\n\n${USAGE}\n`)
    else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(error instanceof UsageError ? 2 : 1)
  },
)
