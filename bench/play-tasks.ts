import { availableParallelism } from 'node:os'
import { loadCollection, type EngineeringTask } from '../fixtures/load-task.ts'
import { scriptFor } from '../fixtures/script-for.ts'
import { startStage, type Stage } from './stage.ts'
import { completed, requestFor, submit } from './tasks.ts'

interface Played {
  readonly name: string
  readonly verdict: 'passed' | 'failed'
  readonly reason?: string
}

/** Marks a task's prompt, so that the script tells tasks with the same opening words apart. */
const marked = ({ name, prompt }: EngineeringTask): string => `${markOf(name)}\n\n${prompt}`
const markOf = (name: string): string => `Exercise "${name}"`

/**
 * Plays the reference solution of every task of a collection through the product: the model follows it, everything
 * else is real. Tasks whose tests need more than Node or Python bring are left out, and so said.
 */
export async function playTasks(
  folder: string,
  { json, stopping }: { readonly json: boolean; readonly stopping: Promise<never> },
): Promise<boolean> {
  const { tasks, faults } = loadCollection(folder)
  const playable = tasks.filter(({ command }) => command !== undefined)
  const script = scriptFor(
    ...playable.map((task) => ({ task, variant: 'straight' as const, match: `${markOf(task.name)}\n` })),
  )
  const stage = await startStage({ script, latencyMs: 0 })
  try {
    const played = await Promise.race([playAll(stage, playable), stopping])
    const failed = played.filter(({ verdict }) => verdict === 'failed')
    const skipped = tasks.filter((task) => !playable.includes(task)).map(({ name }) => name)
    const counts = { passed: played.length - failed.length, failed: failed.length, skipped: skipped.length }
    const unreadable = faults.map(({ message }) => message)
    if (json)
      console.log(JSON.stringify({ ...counts, failures: failed, skippedTasks: skipped, unreadable }, undefined, 2))
    else {
      for (const { name, reason } of failed) console.log(`FAILED ${name}: ${reason ?? ''}`)
      for (const message of unreadable) console.log(`unreadable: ${message}`)
      console.log(
        `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} left out (their tests need other programs), ${unreadable.length} unreadable`,
      )
    }
    return failed.length === 0 && played.length > 0
  } finally {
    await stage.stop()
  }
}

/** A few at a time: the pool queues more, but their repositories would be made long before. */
async function playAll(stage: Stage, tasks: readonly EngineeringTask[]): Promise<readonly Played[]> {
  const waiting = [...tasks]
  const played: Played[] = []
  const work = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) played.push(await play(stage, task))
  }
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, work))
  return played
}

async function play(stage: Stage, task: EngineeringTask): Promise<Played> {
  try {
    const { id } = await submit(stage, await requestFor(stage, task, marked(task)))
    const { result } = await completed(stage, id)
    if (result?.verdict === 'passed') return { name: task.name, verdict: 'passed' }
    return { name: task.name, verdict: 'failed', reason: `verdict ${result?.verdict ?? 'missing'}` }
  } catch (error) {
    return { name: task.name, verdict: 'failed', reason: error instanceof Error ? error.message : String(error) }
  }
}
