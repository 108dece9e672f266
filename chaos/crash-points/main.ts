import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { EventView } from '../../cli/client.ts'
import { table } from '../../cli/output.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { allPages } from '../pages.ts'
import { startStage, type Stage } from '../stage.ts'
import { createChatLife } from './chat-life.ts'
import { CrashTrap } from './crash-trap.ts'
import { createControlledLife } from './controlled-life.ts'
import { startForge, type Forge } from './forge.ts'
import { violationsOf, type Struck, type Told } from './judge.ts'
import { liveThrough, markOf, tasksOf, type Life } from './life.ts'
import { partsLife } from './parts-life.ts'
import { EFFECTS, MOMENTS, OWN_ID, type Effect, type Moment } from './points.ts'
import { startTelegram, type Telegram } from './telegram.ts'
import { createWholeLife } from './whole-life.ts'

type Lives = Readonly<Record<Effect['life'], Life>>

/** Their repositories are those of the forge. */
const ON_A_FORGE: readonly Effect['life'][] = ['parts', 'chat']
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

/** What a run plays on. */
interface Scene {
  readonly stage: Stage
  readonly forge: Forge
  readonly telegram: Telegram
  readonly lives: Lives
  readonly trap: CrashTrap
}

/** Lives one life and kills at the point. */
async function strikeAt(scene: Scene, point: Point): Promise<Outcome> {
  const { stage, trap } = scene
  const { key, effect, moment } = point
  const begun = Date.now()
  const life = scene.lives[effect.life]
  const signal = AbortSignal.timeout(LIFE_LIMIT_MS)
  const order = moment === 'before' ? 'kill-before' : 'kill-after'
  let struck = false
  const arm = (id: string) => {
    const words = effect.words?.map((each) => (each === OWN_ID ? id : each)) ?? []
    void trap.arm({ effect, words, moment, gateway: stage.gateway.pid ?? 0 }).then(() => (struck = true))
  }
  const isOfItself = effect.words?.includes(OWN_ID) ?? false
  if (effect.words === undefined) await stage.remotes.order(order, 0)
  else if (!isOfItself) arm('')
  const id = await life.begin(stage, key, signal)
  if (isOfItself) arm(id)
  const task = await liveThrough(stage, { life, id, signal })
  trap.disarm()
  if (effect.words === undefined) struck = !(await stage.remotes.withdraw(order))
  const violations = violationsOf(await collect(scene, point, task))
  const seconds = (Date.now() - begun) / 1_000
  return { ...point, seconds, violations: [...(struck ? [] : ['nothing was struck']), ...violations] }
}

/** Everything the gateway, the model and the remote say of a life that has ended. */
async function collect(scene: Scene, point: Point, task: TaskView): Promise<Struck> {
  const { stage, forge } = scene
  const { key, effect } = point
  const { api, simulator, remotes } = stage
  const endedOf = async (ended: TaskView) => ({
    task: ended,
    events: await allPages<EventView>(api, `/v1/tasks/${ended.id}/events`),
  })
  const parts = task.progress.plan
    .flatMap(({ taskId = [] }) => taskId)
    .map(async (part) => {
      return endedOf(await api.ask((client) => client.json<TaskView>('GET', `/v1/tasks/${part}`)))
    })
  return {
    ...(await endedOf(task)),
    parts: await Promise.all(parts),
    tasks: (await tasksOf(stage, key)).length,
    ...(effect.life === 'chat' && { chat: await toldOf(scene, point, task) }),
    ...(ON_A_FORGE.includes(effect.life)
      ? { updates: forge.updates(key), pulls: forge.pulls(key) }
      : { updates: await remotes.updates(key) }),
    calls: simulator.ledger.filter(({ taskMatch }) =>
      [markOf(key), `"${key} `].some((words) => taskMatch?.includes(words)),
    ),
  }
}

async function toldOf({ stage, telegram }: Scene, { key, effect, moment }: Point, { id }: TaskView): Promise<Told> {
  const log = (await readFile(join(stage.directory, 'gateway.log'), 'utf8')).split('\n')
  return {
    shown: telegram.shown(key),
    warnings: log.filter((line) => ['delivery_unknown', `${id}/`].every((words) => line.includes(words))).length,
    isInDoubt: effect.doubtful?.includes(moment) ?? false,
  }
}

async function startScene(points: readonly Point[]): Promise<Scene> {
  const trap = new CrashTrap()
  const keysOf = (...lives: readonly Effect['life'][]) =>
    points.filter(({ effect }) => lives.includes(effect.life)).map(({ key }) => key)
  const forge = await startForge(keysOf(...ON_A_FORGE), trap.http)
  const telegram = await startTelegram(keysOf('chat'), trap.http)
  const lives: Lives = {
    ...{ whole: createWholeLife(), controlled: createControlledLife() },
    ...{ parts: partsLife, chat: createChatLife(telegram) },
  }
  const tasks = points.flatMap(({ key, effect }) => lives[effect.life].play(key))
  const environment = { REPOSITORIES_FILE: forge.repositoriesFile, ...telegram.environment }
  try {
    const stage = await startStage(() => ({ tasks }), { environment, database: trap.database })
    return { stage, forge, telegram, lives, trap }
  } catch (error) {
    await Promise.all([forge.close(), telegram.close()])
    throw error
  }
}

async function play(points: readonly Point[], keep: boolean): Promise<readonly Outcome[]> {
  const scene = await startScene(points)
  const { stage, forge, telegram } = scene
  const outcomes: Outcome[] = []
  try {
    for (const point of points) {
      const failed = (error: unknown): Outcome => ({
        ...point,
        seconds: 0,
        violations: [`it did not end: ${String(error)}`],
      })
      const outcome = await strikeAt(scene, point).catch(failed)
      outcomes.push(outcome)
      process.stderr.write(`${lineOf(outcome).join(' · ')}\n`)
      // A gateway that was killed at the very end may still be starting.
      while (stage.gateway.url === undefined) await delay(100)
    }
  } finally {
    await stage.stop({ keep })
    await Promise.all([forge.close(), telegram.close()])
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
