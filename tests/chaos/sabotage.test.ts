import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ORACLES } from '../../chaos/oracles/index.ts'
import { SABOTAGES } from '../../chaos/sabotage.ts'

it.each(SABOTAGES)('the protection without which $what is found once, and has an oracle', (sabotage) => {
  const { file, protection, breaks } = sabotage
  const text = readFileSync(join(import.meta.dirname, '../..', file), 'utf8')
  expect(text.split(protection)).toHaveLength(2)
  expect(ORACLES.map(({ name }) => name)).toContain(breaks)
})
