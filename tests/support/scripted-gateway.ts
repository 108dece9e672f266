import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { EventView, GatewayClient } from '../../cli/client.ts'
import type { GeminiScript, ScriptedModel } from '../../simulators/gemini/script.ts'
import { startGeminiSimulator, type GeminiSimulator } from '../../simulators/gemini/server.ts'
import { dataDirectory, startTestGateway, type Environment, type TestGateway } from './gateway.ts'

export interface ScriptedGateway {
  readonly gateway: TestGateway
  readonly client: GatewayClient
  readonly simulator: GeminiSimulator
  /** Folder whose repositories tasks may name. */
  readonly repositories: string
}

/** One gateway with a scripted model for all tests of a file. */
export function useScriptedGateway(
  script: GeminiScript | ScriptedModel,
  environment: Environment = {},
): () => ScriptedGateway {
  const repositories = mkdtempSync(join(tmpdir(), 'ocg-repositories-'))
  const data = { remove: () => undefined as void }
  let started: ScriptedGateway | undefined
  beforeAll(async () => {
    const directory = dataDirectory()
    data.remove = directory.remove
    const simulator = await startGeminiSimulator({ script })
    const gateway = await startTestGateway({
      dataDirectory: directory.path,
      environment: {
        REPOSITORY_FILE_ROOTS: repositories,
        GEMINI_API_KEY: 'any',
        GOOGLE_GEMINI_BASE_URL: simulator.url,
        ...environment,
      },
    })
    started = { gateway, client: gateway.client, simulator, repositories }
  })
  afterAll(async () => {
    await started?.gateway.stop()
    await started?.simulator.close()
    data.remove()
    rmSync(repositories, { recursive: true, force: true })
  })
  return () => {
    if (!started) throw new Error('The gateway has not been started.')
    return started
  }
}

/** Every event of a task, once it has ended. */
export async function eventsOf(client: GatewayClient, id: string): Promise<readonly EventView[]> {
  const events: EventView[] = []
  for await (const event of client.events(id)) events.push(event)
  return events
}

/** Waits for the first event that fits. */
export async function eventOf(
  client: GatewayClient,
  id: string,
  fits: (event: EventView) => boolean,
): Promise<EventView> {
  for await (const event of client.events(id)) if (fits(event)) return event
  throw new Error(`${id} ended without the event that was waited for.`)
}
