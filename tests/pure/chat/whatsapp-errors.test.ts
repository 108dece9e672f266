import { expect, it } from 'vitest'
import { deliveryOfRefusal } from '../../../adapters/whatsapp/whatsapp-errors.ts'

const outcomeOf = (status: number, code?: number) =>
  deliveryOfRefusal(status, code === undefined ? undefined : { code, message: 'why' })

it.each([131_047])('the error %i waits for a word of the person', (code) => {
  expect(outcomeOf(400, code)).toEqual({ type: 'out-of-window' })
})

it.each([
  ['follow each other too fast', [131_056], 6_000],
  ['are too many for the account', [4, 80_007, 130_429, 133_016], 2_000],
  ['need the operator', [10, 190, 200, 368, 131_005, 131_031, 131_042, 131_045, 131_048, 131_057, 133_010], 30_000],
])('messages that %s are sent later', (_, codes, afterMs) => {
  for (const code of codes) expect(outcomeOf(400, code)).toMatchObject({ type: 'later', afterMs })
})

it('a refused token is the operator’s to mend, also without a code', () => {
  expect(outcomeOf(401)).toMatchObject({ type: 'later', afterMs: 30_000 })
})

it.each([[500], [503, 131_016], [400, 131_000], [200]])('%j tells nothing about the message', (...[status, code]) => {
  expect(outcomeOf(status ?? 0, code)).toMatchObject({ type: 'unknown' })
})

it.each([100, 131_008, 131_009, 131_026, 131_051, 131_062])('the error %i is for good', (code) => {
  expect(outcomeOf(400, code)).toEqual({ type: 'refused', reason: `400 ${code} why` })
})
