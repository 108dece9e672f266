import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useRecordingGateway } from '../support/recording-gateway.ts'

const gateway = useRecordingGateway()
const SECRET = 'hunter2'

/** Every variable that may hold a secret, each with one. */
const secrets = {
  GEMINI_API_KEY: SECRET,
  GEMINI_API_KEYS: `${SECRET},other-${SECRET}`,
  TEMPORAL_API_KEY: SECRET,
  OCG_API_KEY: SECRET,
  ADMIN_API_KEY: `${SECRET}-of-the-administrator`,
  DATABASE_URL: `postgres://gateway:${SECRET}@db.example/gateway`,
}

describe('ocg config print', () => {
  it('says that a secret is set and never what it is, as text and as JSON', async () => {
    const [text, json] = await Promise.all([
      gateway().ocg(['config', 'print'], secrets),
      gateway().ocg(['config', 'print', '--json'], secrets),
    ])
    expect([text.code, json.code]).toEqual([0, 0])
    expect(text.stdout + text.stderr + json.stdout + json.stderr).not.toContain(SECRET)
    expect(JSON.parse(json.stdout)).toMatchObject({
      GEMINI_API_KEY: '(set)',
      GEMINI_API_KEYS: '(set)',
      DATABASE_URL: '(set)',
      GEMINI_MODEL: 'gemini-3.1-pro-preview',
      BUILDER_IDLE_TIMEOUT: 600_000,
    })
  })

  it('shows a secret from a file as set too, and leaves out what is not set', async () => {
    const file = join(gateway().dataDirectory, 'key')
    writeFileSync(file, `${SECRET}\n`)
    const { stdout } = await gateway().ocg(['config', 'print'], { GEMINI_API_KEY_FILE: file })
    expect(stdout).toMatch(/^GEMINI_API_KEY +"\(set\)"$/m)
    expect(stdout).not.toContain('TEMPORAL_API_KEY')
    expect(stdout).not.toContain(SECRET)
  })

  it('refuses a URL with a credential, which no client would send, without showing it', async () => {
    const url = `https://user:${SECRET}@gw.example`
    const { code, stderr } = await gateway().ocg(['config', 'print'], { PUBLIC_URL: url, GOOGLE_GEMINI_BASE_URL: url })
    expect(code).toBe(1)
    for (const name of ['PUBLIC_URL', 'GOOGLE_GEMINI_BASE_URL'])
      expect(stderr).toContain(`  ${name}: holds a credential`)
    expect(stderr).not.toContain(SECRET)
  })
})
