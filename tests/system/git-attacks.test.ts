import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { GatewayError } from '../../domain/errors.ts'
import { ATTACKS } from '../support/git-attacks/attacks.ts'
import { deliverCarelessly } from '../support/git-attacks/careless-host.ts'
import {
  BRANCH,
  carryOver,
  deliver,
  historyTouched,
  playAttack,
  takeSeat,
  type Delivery,
} from '../support/git-attacks/guarded-host.ts'
import { HOSTILE_BUNDLES } from '../support/git-attacks/hostile-bundle-list.ts'
import { bundleOf, createForge, referenceOf } from '../support/git-attacks/hostile-bundles.ts'
import { runPlainly } from '../support/git-attacks/plain-git.ts'
import { createPlayground, PROTECTED_TEXT, type Playground } from '../support/git-attacks/playground.ts'

let playground: Playground

beforeEach(async () => {
  playground = await createPlayground()
})

afterEach(async () => {
  await playground.remove()
})

/** The value, or the refusal by the gateway; any other failure is a fault. */
async function orRefusal<Value>(work: Promise<Value>): Promise<Value | GatewayError> {
  try {
    return await work
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}

async function expectDelivered({ commit, files }: Delivery): Promise<void> {
  const { base, upstream } = playground
  expect(await playground.references()).toEqual({ 'refs/heads/main': base, [`refs/heads/${BRANCH}`]: commit })
  expect(await playground.upstreamFile(commit, 'src/answer.js')).toBe('export const answer = 42')
  expect(files).toContain('src/answer.js')
  const changed = await runPlainly(['git', 'diff', '--quiet', base, commit, '--', 'tests'], { directory: upstream })
  expect(changed.exitCode).toBe(0)
}

const REAL_ATTACKS = ATTACKS.filter(({ plainGit }) => plainGit !== 'none')

describe('plain git run by the host inside the workspace', () => {
  test.each(REAL_ATTACKS)('falls for $name', async (attack) => {
    await deliverCarelessly(playground, attack)
    expect(await playground.harm()).toContain(attack.plainGit)
  })

  test('falls for at least 40 of the attacks, so that the payloads are known to be real', () => {
    expect(REAL_ATTACKS.length).toBeGreaterThanOrEqual(40)
  })
})

describe('the host executes nothing an agent wrote', () => {
  test.each(ATTACKS)('and delivers, or refuses to, in spite of $name', async (attack) => {
    const seat = await takeSeat(playground)
    const clean = await carryOver(seat)
    await playAttack(seat, playground, attack)
    const work = async (): Promise<Delivery> => {
      const first = await carryOver(seat, clean.tree)
      const second = await carryOver(seat)
      expect(second.tree).toBe(first.tree)
      return deliver(seat, playground, second.commit)
    }
    const outcome = await orRefusal(work())
    expect(historyTouched(seat)).toBe(false)
    if (outcome instanceof GatewayError) {
      expect(attack.mayBeRefused, outcome.message).toBe(true)
      expect(await playground.references()).toEqual({ 'refs/heads/main': playground.base })
      expect(await playground.harm()).toEqual([])
      return
    }
    await expectDelivered(outcome)
    expect(await playground.harm(outcome.published)).toEqual([])
  })
})

describe('the host takes in no hostile bundle', () => {
  test.each(HOSTILE_BUNDLES)('with $name, not at the second try either', async (hostile) => {
    const seat = await takeSeat(playground)
    await playAttack(seat, playground, { name: 'nothing', script: ':', plainGit: 'none' })
    const honest = await carryOver(seat)
    const reference = referenceOf(honest.bundle ?? Buffer.alloc(0))
    const forge = await createForge(playground.root, playground.upstream)
    const forged = await hostile.forge(forge, seat.base)
    const bundle = await bundleOf(forge, forged, { base: seat.base, reference })
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const outcome = await orRefusal(seat.git.importBundle({ bare: seat.bare, bundle, commit: forged.commit }))
      expect(outcome, `attempt ${attempt}`).toBeInstanceOf(GatewayError)
    }
  })
})
