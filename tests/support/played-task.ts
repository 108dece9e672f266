import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runBuilderTool } from '../../activities/tools/run-builder-tool.ts'
import { createHostSandbox } from '../../adapters/sandbox/host-sandbox.ts'
import type { EngineeringTask } from '../../fixtures/load-task.ts'
import { materialise } from '../../fixtures/materialise.ts'
import type { ScriptedTurn } from '../../simulators/gemini/script.ts'

/** A task's repository, and a Builder's tools on it. */
export interface PlayedTask {
  readonly directory: string
  /** Runs the calls of a turn; gives what each came to. */
  play(turn: ScriptedTurn): Promise<readonly { readonly ok: boolean; readonly summary: string }[]>
  /** Whether the task's own tests pass. */
  passes(): Promise<boolean>
  read(path: string): string
  remove(): void
}

export async function openTask(task: EngineeringTask): Promise<PlayedTask> {
  const directory = mkdtempSync(join(tmpdir(), `ocg-${task.name}-`))
  await materialise(task, directory)
  const { signal } = new AbortController()
  const place = { sandbox: createHostSandbox(), directory }
  const call = (name: string, args: Record<string, unknown>) =>
    runBuilderTool({ call: { name, args }, workspace: () => Promise.resolve(place), signal })
  return {
    directory,
    async play({ calls = [] }) {
      const results: { ok: boolean; summary: string }[] = []
      for (const { name, args } of calls) results.push(await call(name, args))
      return results
    },
    passes: async () => (await call('run_shell_command', { command: task.command })).ok,
    read: (path) => readFileSync(join(directory, path), 'utf8'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
