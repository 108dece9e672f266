import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaksInFiles } from '../../chaos/leaks.ts'

const SECRETS = { 'the admin key': 'ocg_admin_secret', 'the key of the model': 'model_secret' }
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ocg-leaks-'))
  await mkdir(join(directory, 'data/logs'), { recursive: true })
  await writeFile(join(directory, 'data/logs/gateway.log'), 'level=warn nothing to see\n')
})
afterAll(() => rm(directory, { recursive: true }))

describe('secrets in files', () => {
  it('are found in none that holds none', async () => {
    expect(await leaksInFiles(directory, SECRETS)).toEqual([])
  })

  it('are found in any folder, between bytes that are no text', async () => {
    const bytes = Buffer.concat([Buffer.from([0, 255, 0]), Buffer.from('model_secret'), Buffer.from([0])])
    await writeFile(join(directory, 'data/logs/temporal.db'), bytes)
    expect(await leaksInFiles(directory, SECRETS)).toEqual(['the key of the model in data/logs/temporal.db'])
  })
})
