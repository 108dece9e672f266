import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { answerQuestions } from '../helper-process.ts'
import { endedChildrenCpuMs } from '../process-tree.ts'
import { BareConversation, type Call, type Forgetting } from './agent.ts'
import { inNamespaces, onHost, type Place } from './place.ts'

/**
 * The floor: the same job by a script that knows its way. The same model calls one after another, a clone, the edits, a
 * commit after each change, the commands, a clean clone with the same check, a push; no queue, no sandbox, no record.
 */
export interface BareJob {
  readonly type: 'job'
  readonly simulator: string
  readonly prompt: string
  /** Remote repository. */
  readonly repository: string
  /** An own folder for the work. */
  readonly directory: string
  /** The acceptance command. */
  readonly check: string
  /** A bubblewrap that contains the model's tools and the check; without one they act on the host. */
  readonly bwrap?: string
}

/** The model calls alone: milliseconds of each turn. */
export interface BareTalk {
  readonly type: 'talk'
  readonly simulator: string
  readonly prompt: string
  readonly turns: number
  /** What every call comes to. */
  readonly output: string
  /** A conversation that grows above one size lets its oldest turns go, down to the other. */
  readonly forgets?: Forgetting
  /** Before each call: a client that asks seldom needs longer for the same call than one that asks again at once. */
  readonly pauseMs?: number
}

export interface BareJobTimes {
  readonly wallMs: number
  /** Of git and the commands, with what a sandbox leaves to the reaper of this process. */
  readonly cpuMs: number
}

const run = promisify(execFile)
const IDENTITY = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com']

async function job({ simulator, prompt, repository, directory, check, bwrap }: BareJob): Promise<void> {
  const work = join(directory, 'work')
  const clean = join(directory, 'clean')
  const git = (...args: string[]) => run('git', [...IDENTITY, ...args], { cwd: work })
  const placeIn = (folder: string) => (bwrap === undefined ? onHost(folder) : inNamespaces(bwrap, folder))
  const conversation = new BareConversation(simulator, prompt)
  await conversation.understand()
  await run('git', ['clone', '--quiet', repository, work])
  for (let done = false; !done;) {
    const calls = await conversation.next()
    const answered: { call: Call; output: string }[] = []
    for (const call of calls) {
      const { output, changed } = await perform(call, placeIn(work))
      answered.push({ call, output })
      if (changed) {
        await git('add', '--all')
        await git('commit', '--quiet', '--allow-empty', '--message', call.name)
      }
    }
    conversation.respond(answered)
    done = calls.length === 0 || calls.some(({ name }) => name === 'complete_task')
  }
  await run('git', ['clone', '--quiet', work, clean])
  await placeIn(clean).run(check)
  await git('push', '--quiet', 'origin', 'HEAD:refs/heads/bare')
}

async function perform({ name, args }: Call, place: Place) {
  const { file_path = '', old_string = '', new_string = '', content = '', command = '' } = args
  switch (name) {
    case 'read_file':
      return { output: await place.read(file_path), changed: false }
    case 'write_file':
      await place.write(file_path, content)
      return { output: 'written', changed: true }
    case 'replace':
      await place.write(
        file_path,
        (await place.read(file_path)).replace(old_string, () => new_string),
      )
      return { output: 'replaced', changed: true }
    case 'run_shell_command':
      return { output: await place.run(command), changed: true }
    default:
      return { output: 'ok', changed: false }
  }
}

/** Jobs one beside another; the CPU time is that of the processes they started. */
async function jobs(all: readonly BareJob[]): Promise<BareJobTimes> {
  const cpuMs = () => endedChildrenCpuMs(process.pid) + endedChildrenCpuMs(process.ppid)
  const before = cpuMs()
  const started = performance.now()
  await Promise.all(all.map(job))
  return { wallMs: performance.now() - started, cpuMs: cpuMs() - before }
}

async function talk({ simulator, prompt, turns, output, forgets, pauseMs }: BareTalk): Promise<readonly number[]> {
  const conversation = new BareConversation(simulator, prompt)
  const times: number[] = []
  for (let turn = 0; turn < turns; turn++) {
    if (pauseMs !== undefined) await delay(pauseMs)
    const started = performance.now()
    const calls = await conversation.next()
    times.push(performance.now() - started)
    conversation.respond(calls.map((call) => ({ call, output })))
    if (forgets) conversation.forget(forgets)
  }
  return times
}

answerQuestions((asked: readonly BareJob[] | BareTalk) => ('type' in asked ? talk(asked) : jobs(asked)))
