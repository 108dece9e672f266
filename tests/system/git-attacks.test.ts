import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ATTACKS } from '../support/git-attacks/attacks.ts'
import { deliverCarelessly } from '../support/git-attacks/careless-host.ts'
import { createPlayground, type Playground } from '../support/git-attacks/playground.ts'

let playground: Playground

beforeEach(async () => {
  playground = await createPlayground()
})

afterEach(async () => {
  await playground.remove()
})

const REAL_ATTACKS = ATTACKS.filter(({ plainGit }) => plainGit !== 'none')

describe('plain git run by the host inside the workspace', () => {
  test.each(REAL_ATTACKS)('falls for $name', async (attack) => {
    await deliverCarelessly(playground, attack)
    expect(await playground.harm()).toContain(attack.plainGit)
  })
})
