import { afterAll, beforeAll, inject } from 'vitest'
import { World, type WorldOptions } from './world.ts'

/** One world for all tests of a file. */
export function useWorld(options: Omit<WorldOptions, 'program'> = {}): () => World {
  let world: World | undefined
  beforeAll(async () => {
    const program = inject(options.timeSkipping === true ? 'timeSkippingServer' : 'temporalProgram')
    world = await World.start({ ...options, program })
  })
  afterAll(() => world?.stop())
  return () => {
    if (!world) throw new Error('The world has not been started.')
    return world
  }
}
