import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasModelCredential, loadConfig, publicSettings, type Config } from '../../adapters/config.ts'
import { refusal } from '../support/refusal.ts'

type Environment = Record<string, string>
type Name = keyof Config

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ocg-config-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Path of a file with this content. */
function fileWith(name: string, content: string): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

/** The faults of an environment, one an item, as they are printed. */
function faultsOf(environment: Environment): readonly string[] {
  const { code, message } = refusal(() => loadConfig(environment))
  const [headline, ...faults] = message.split('\n')
  expect([code, headline]).toEqual([
    'configuration_invalid',
    `The configuration has ${faults.length} fault(s). Correct these variables and start again:`,
  ])
  return faults.map((fault) => fault.trim())
}

describe('an empty environment', () => {
  it('is a whole configuration', () => {
    expect(loadConfig({})).toEqual({
      HOST: '127.0.0.1',
      PORT: 8080,
      DATA_DIR: resolve('.openclaw'),
      LOG_LEVEL: 'info',
      REPOSITORY_FILE_ROOTS: [],
      OUTBOUND_ALLOWLIST: [],
      TEMPORAL_NAMESPACE: 'default',
      GEMINI_API_KEYS: [],
      GOOGLE_GENAI_USE_VERTEXAI: false,
      GEMINI_MODEL: 'gemini-3.1-pro-preview',
      GEMINI_MODEL_FALLBACKS: [],
      BUILDERS_MIN: 2,
      BUILDERS_MAX: 10,
      BUILDER_SEATS: 4,
      BUILDER_IDLE_TIMEOUT: 600_000,
      BUILDER_HEALTH_INTERVAL: 30_000,
      SANDBOX: 'auto',
      SANDBOX_ALLOWLIST: expect.arrayContaining(['registry.npmjs.org', 'pypi.org']),
      POOL: 'embedded',
      WHATSAPP_API_BASE_URL: 'https://graph.facebook.com',
      TELEGRAM_API_BASE_URL: 'https://api.telegram.org',
      TELEGRAM_MODE: 'webhook',
      CHAT_ACCESS: 'linked',
      CHAT_ALLOWLIST: [],
    })
  })

  it('is what a variable with nothing in it amounts to', () => {
    const names = Object.keys(loadConfig({}))
    expect(loadConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(loadConfig({}))
  })

  it('is not changed by variables of other programs', () => {
    expect(loadConfig({ PATH: '/bin', port: '1', OCG: 'x' })).toEqual(loadConfig({}))
  })
})

describe('a variable', () => {
  it.each<[Name, string, unknown]>([
    ['HOST', '::1', '::1'],
    ['PORT', '0', 0],
    ['PORT', '65535', 65_535],
    ['PORT', ' 8081 ', 8_081],
    ['PUBLIC_URL', 'https://gw.example/base', 'https://gw.example/base'],
    ['DATA_DIR', '/var/lib/ocg/../x', '/var/lib/x'],
    ['LOG_LEVEL', 'silent', 'silent'],
    ['REPOSITORY_FILE_ROOTS', '/srv/a, /srv/b ,,', ['/srv/a', '/srv/b']],
    ['OUTBOUND_ALLOWLIST', 'hooks.internal:8443', ['hooks.internal:8443']],
    ['TEMPORAL_ADDRESS', 'temporal.example:7233', 'temporal.example:7233'],
    ['TEMPORAL_NAMESPACE', 'eng', 'eng'],
    ['DATABASE_URL', 'postgres://db/x', 'postgres://db/x'],
    ['GEMINI_API_KEYS', 'one,two', ['one', 'two']],
    ['GOOGLE_GENAI_USE_VERTEXAI', 'true', true],
    ['GOOGLE_GENAI_USE_VERTEXAI', '1', true],
    ['GOOGLE_GENAI_USE_VERTEXAI', 'FALSE', false],
    ['GEMINI_MODEL_FALLBACKS', 'gemini-3.5-flash', ['gemini-3.5-flash']],
    ['BUILDERS_MIN', '1', 1],
    ['BUILDERS_MAX', '1000', 1_000],
    ['BUILDER_SEATS', '16', 16],
    ['BUILDER_IDLE_TIMEOUT', '250ms', 250],
    ['BUILDER_IDLE_TIMEOUT', '90s', 90_000],
    ['BUILDER_IDLE_TIMEOUT', '2h', 7_200_000],
    ['BUILDER_IDLE_TIMEOUT', '1d', 86_400_000],
    ['BUILDER_HEALTH_INTERVAL', '5m', 300_000],
    ['SANDBOX', 'none', 'none'],
    [
      'SANDBOX_ALLOWLIST',
      'pypi.org, *.cdn.example , mirror.internal:8081',
      ['pypi.org', '*.cdn.example', 'mirror.internal:8081'],
    ],
    ['SANDBOX_ALLOWLIST', 'none', []],
    ['POOL', 'external', 'external'],
    ['ADMIN_API_KEY', 'a key of 24 characters !', 'a key of 24 characters !'],
  ])('%s=%j is read as %j', (name, value, read) => {
    expect(loadConfig({ [name]: value })).toEqual({ ...loadConfig({}), [name]: read })
  })

  it.each<[Name, readonly string[]]>([
    ['PORT', ['-1', '65536', '80.5', '0x50', '1e3', 'http', '8080/tcp', ' ']],
    ['PUBLIC_URL', ['gw.example', 'ftp://gw.example', 'https://', 'https://a:b@gw.example']],
    ['OCG_URL', ['localhost:8080', 'https://token@gw.example']],
    ['GOOGLE_GEMINI_BASE_URL', ['gemini', 'javascript:alert(1)', 'https://:secret@gemini.example']],
    ['LOG_LEVEL', ['INFO', 'verbose']],
    [
      'SANDBOX_ALLOWLIST',
      ['https://pypi.org', '*', 'pypi.org/simple', 'a b', 'pypi.org:0', 'pypi.org:x', 'pypi.*', '[::1]'],
    ],
    ['GOOGLE_GENAI_USE_VERTEXAI', ['maybe']],
    ['BUILDERS_MIN', ['0', '-2', '1.5', '1001', 'two']],
    ['BUILDERS_MAX', ['0', '1001', 'NaN', 'Infinity']],
    ['BUILDER_SEATS', ['0', '0x4']],
    ['BUILDER_IDLE_TIMEOUT', ['10', '10 m', '1.5h', '-1s', 'm', '1w', '10M', '0s', '25d', '99999999999999999d']],
    ['BUILDER_HEALTH_INTERVAL', ['30', '0ms']],
    ['SANDBOX', ['docker', 'None']],
    ['POOL', ['internal']],
    ['ADMIN_API_KEY', ['x'.repeat(23), `${'x'.repeat(24)}\n`, `${'x'.repeat(24)}ä`]],
  ])('%s refuses each of %j with one fault that names it', (name, values) => {
    for (const value of values) {
      const faults = faultsOf({ [name]: value })
      expect(faults, value).toEqual([expect.stringMatching(new RegExp(`^${name}: `))])
    }
  })
})

describe('faults', () => {
  it('are all said at once, also those between variables and in files', () => {
    const faults = faultsOf({
      PORT: 'x',
      SANDBOX: 'x',
      BUILDERS_MIN: '9',
      BUILDERS_MAX: '3',
      BUILDER_IDLE_TIMEOUT: 'x',
      GEMINI_API_KEY_FILE: join(folder, 'absent'),
      DATABASE_URL_FILE: folder,
    })
    expect(faults.map((fault) => fault.split(':')[0])).toEqual([
      'DATABASE_URL_FILE',
      'GEMINI_API_KEY_FILE',
      'PORT',
      'BUILDER_IDLE_TIMEOUT',
      'SANDBOX',
      'BUILDERS_MIN',
    ])
    expect(faults).toContain('BUILDERS_MIN: is greater than BUILDERS_MAX')
    expect(faults).toContain('GEMINI_API_KEY_FILE: cannot be read (ENOENT)')
    expect(faults).toContain('DATABASE_URL_FILE: cannot be read (EISDIR)')
  })

  it('compare with the default of what was not set', () => {
    expect(faultsOf({ BUILDERS_MIN: '11' })).toEqual(['BUILDERS_MIN: is greater than BUILDERS_MAX'])
    expect(faultsOf({ BUILDERS_MAX: '1' })).toEqual(['BUILDERS_MIN: is greater than BUILDERS_MAX'])
  })

  it('never show the value that is wrong', () => {
    const names = [
      'PORT',
      'PUBLIC_URL',
      'LOG_LEVEL',
      'BUILDER_SEATS',
      'BUILDER_IDLE_TIMEOUT',
      'SANDBOX',
      'ADMIN_API_KEY',
    ]
    const faults = faultsOf(Object.fromEntries(names.map((name) => [name, 'hunter2'])))
    expect(faults).toHaveLength(names.length)
    expect(faults.join()).not.toContain('hunter2')
  })
})

describe('a secret in a file', () => {
  it('is taken without the line end editors add', () => {
    const file = fileWith('key', 'AIza-secret\r\n')
    expect(loadConfig({ GEMINI_API_KEY_FILE: file }).GEMINI_API_KEY).toBe('AIza-secret')
  })

  it('works for every variable, lists and numbers too', () => {
    const config = loadConfig({ GEMINI_API_KEYS_FILE: fileWith('keys', 'a,b\n'), PORT_FILE: fileWith('port', '81\n') })
    expect([config.GEMINI_API_KEYS, config.PORT]).toEqual([['a', 'b'], 81])
  })

  it('gives way to the variable itself, and then is not even read', () => {
    expect(loadConfig({ OCG_API_KEY: 'direct', OCG_API_KEY_FILE: join(folder, 'absent') }).OCG_API_KEY).toBe('direct')
  })

  it.each<Name>(['GEMINI_API_KEY', 'DATABASE_URL', 'ADMIN_API_KEY', 'PORT'])(
    'that is empty is a fault of %s',
    (name) => {
      expect(faultsOf({ [`${name}_FILE`]: fileWith('empty', '\n') })[0]).toMatch(new RegExp(`^${name}: `))
    },
  )
})

describe('settings for a person', () => {
  it('hide every secret, whatever its length, and nothing else', () => {
    const secrets = ['GEMINI_API_KEY', 'GEMINI_API_KEYS', 'TEMPORAL_API_KEY', 'OCG_API_KEY', 'DATABASE_URL']
    const given = { ...Object.fromEntries(secrets.map((name) => [name, 'x'])), ADMIN_API_KEY: 'x'.repeat(24) }
    const config = loadConfig(given)
    const hidden = Object.entries(publicSettings(config)).filter(([, value]) => value === '(set)')
    expect(hidden.map(([name]) => name).toSorted()).toEqual([...secrets, 'ADMIN_API_KEY'].toSorted())
    const shown = Object.entries(publicSettings(config)).filter(([, value]) => value !== '(set)')
    for (const [name, value] of shown) expect(value, name).toEqual(config[name as Name])
  })

  it('show an empty list of keys as empty', () => {
    expect(publicSettings(loadConfig({}))['GEMINI_API_KEYS']).toEqual([])
  })
})

describe('a model credential', () => {
  it.each<[Environment, boolean]>([
    [{}, false],
    [{ GEMINI_API_KEY: 'x' }, true],
    [{ GEMINI_API_KEYS: 'x,y' }, true],
    [{ GEMINI_API_KEYS: ' , ' }, false],
    [{ GOOGLE_GENAI_USE_VERTEXAI: 'true' }, true],
    [{ GOOGLE_GEMINI_BASE_URL: 'https://gemini.example' }, false],
  ])('%j has one: %s', (environment, expected) => {
    expect(hasModelCredential(loadConfig(environment))).toBe(expected)
  })
})

describe('a chat channel', () => {
  const telegram = { TELEGRAM_BOT_TOKEN: '42:abc', TELEGRAM_WEBHOOK_SECRET: 'secret' }
  const whatsapp = {
    ...{
      WHATSAPP_ACCESS_TOKEN: 'a',
      WHATSAPP_PHONE_NUMBER_ID: '1',
      WHATSAPP_APP_SECRET: 's',
      WHATSAPP_VERIFY_TOKEN: 'v',
    },
  }

  it('configured whole is taken', () => {
    expect(() => loadConfig({ ...telegram, ...whatsapp })).not.toThrow()
    expect(() => loadConfig({ TELEGRAM_BOT_TOKEN: '42:abc', TELEGRAM_MODE: 'polling' })).not.toThrow()
  })

  it.each(Object.keys(whatsapp))('WhatsApp does not start with an empty %s', (name) => {
    const fault = `${name}: is empty, and WhatsApp does not start without it`
    expect(faultsOf({ ...whatsapp, [name]: '' })).toEqual([fault])
  })

  it('may name a template of WhatsApp with its language', () => {
    const template = (text: string) => ({ ...whatsapp, WHATSAPP_TEMPLATE: text })
    expect(loadConfig(template('task_news:en_US')).WHATSAPP_TEMPLATE).toEqual({ name: 'task_news', language: 'en_US' })
    expect(faultsOf(template('task_news'))).toEqual(['WHATSAPP_TEMPLATE: is not name:language, like task_news:en_US'])
  })

  it('Telegram does not start with an empty or unusable secret', () => {
    const fault = 'TELEGRAM_WEBHOOK_SECRET: is empty, and Telegram does not start without it'
    expect(faultsOf({ ...telegram, TELEGRAM_WEBHOOK_SECRET: '' })).toEqual([fault])
    expect(faultsOf({ ...telegram, TELEGRAM_WEBHOOK_SECRET: 'ä b' })).toHaveLength(1)
    expect(faultsOf({ TELEGRAM_WEBHOOK_SECRET: 'secret' })).toEqual([
      'TELEGRAM_BOT_TOKEN: is empty, and Telegram does not start without it',
    ])
  })

  it('lets nobody in by an empty list', () => {
    expect(faultsOf({ CHAT_ACCESS: 'allowlist' })).toEqual([
      'CHAT_ALLOWLIST: is empty, and CHAT_ACCESS=allowlist lets nobody in',
    ])
  })

  it('shows no secret of its settings', () => {
    const config = loadConfig({ ...telegram, ...whatsapp, CALLBACK_SECRET: `whsec_${'A'.repeat(40)}` })
    const shown = JSON.stringify(publicSettings(config))
    for (const secret of ['42:abc', '"secret"', '"a"', '"s"', '"v"', 'whsec_']) expect(shown).not.toContain(secret)
  })
})
