import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { GatewayError } from '../domain/errors.ts'
import { CHANNEL_SETTINGS, CHANNELS } from './channels.ts'
import { address, count, destinations, duration, list, port, text, url, withoutSlash } from './settings.ts'

/** Registries from which builds fetch what they need; TLS at port 443 only. */
const REGISTRIES = [
  'registry.npmjs.org',
  'registry.yarnpkg.com',
  'pypi.org',
  'files.pythonhosted.org',
  'index.crates.io',
  'static.crates.io',
  'proxy.golang.org',
  'sum.golang.org',
  'rubygems.org',
  'index.rubygems.org',
  'repo.maven.apache.org',
  'repo1.maven.org',
  'api.nuget.org',
]
const ENVIRONMENT = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: port(8080),
  PUBLIC_URL: address.transform(withoutSlash).optional(),
  DATA_DIR: z
    .string()
    .default('.openclaw')
    .transform((path) => resolve(path)),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  REPOSITORY_FILE_ROOTS: list,
  REPOSITORIES_FILE: text,
  POLICY_FILE: text,
  OUTBOUND_ALLOWLIST: list,
  TEMPORAL_ADDRESS: text,
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_API_KEY: text,
  TEMPORAL_TLS_CLIENT_CERT_PATH: text,
  TEMPORAL_TLS_CLIENT_KEY_PATH: text,
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: text,
  TEMPORAL_TLS_SERVER_NAME: text,
  DATABASE_URL: text,
  GEMINI_API_KEY: text,
  GEMINI_API_KEYS: list,
  GOOGLE_GEMINI_BASE_URL: url,
  GOOGLE_GENAI_USE_VERTEXAI: z.stringbool().default(false),
  GOOGLE_CLOUD_PROJECT: text,
  GOOGLE_CLOUD_LOCATION: text,
  GEMINI_MODEL: z.string().default('gemini-3.1-pro-preview'),
  GEMINI_MODEL_FALLBACKS: list,
  GEMINI_FAST_MODEL: text,
  BUILDERS_MIN: count(2),
  BUILDERS_MAX: count(10),
  BUILDER_SEATS: count(4),
  BUILDER_IDLE_TIMEOUT: duration('10m'),
  BUILDER_HEALTH_INTERVAL: duration('30s'),
  SANDBOX_ALLOWLIST: destinations(REGISTRIES),
  SANDBOX: z.enum(['auto', 'bubblewrap', 'none']).default('auto'),
  POOL: z.enum(['embedded', 'external']).default('embedded'),
  ...CHANNEL_SETTINGS,
  CHAT_ACCESS: z.enum(['linked', 'allowlist', 'open']).default('linked'),
  CHAT_ALLOWLIST: list,
  CALLBACK_SECRET: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/, 'is not whsec_ and the base64 of 24 to 64 bytes')
    .optional(),
  OCG_URL: url,
  OCG_API_KEY: text,
  ADMIN_API_KEY: z
    .string()
    .min(24, 'is shorter than 24 characters')
    .regex(/^[\x20-\x7e]+$/, 'holds characters that are not printable ASCII')
    .optional(),
})

/** What is compared, even when other variables are wrong. */
const BOUNDS = ENVIRONMENT.pick({ BUILDERS_MIN: true, BUILDERS_MAX: true })

/** The gateway's settings; durations in milliseconds, paths absolute. Names as in the environment. */
export type Config = z.output<typeof ENVIRONMENT>

/**
 * Reads the environment once. A secret may be given as `NAME_FILE`. Throws `configuration_invalid` with every fault
 * at once, one a line, each naming its variable.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const faults: string[] = []
  const values: Record<string, string> = {}
  for (const name of Object.keys(ENVIRONMENT.shape)) {
    const value = environment[name]
    const file = environment[`${name}_FILE`]
    if (value !== undefined && value !== '') values[name] = value
    else if (file !== undefined && file !== '') {
      try {
        values[name] = readFileSync(file, 'utf8').trim()
      } catch (error) {
        faults.push(`${name}_FILE: cannot be read (${(error as NodeJS.ErrnoException).code})`)
      }
    }
  }
  const parsed = ENVIRONMENT.safeParse(values)
  if (!parsed.success)
    faults.push(
      ...parsed.error.issues.map(
        (issue) => `${issue.path.join('.')}: ${issue.message.replace(/^Invalid input: /, '')}`,
      ),
    )
  faults.push(...channelFaults(values))
  const bounds = BOUNDS.safeParse(values).data
  if (bounds && bounds.BUILDERS_MIN > bounds.BUILDERS_MAX) faults.push('BUILDERS_MIN: is greater than BUILDERS_MAX')
  if (faults.length > 0 || !parsed.success)
    throw new GatewayError(
      'configuration_invalid',
      `The configuration has ${faults.length} fault(s). Correct these variables and start again:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
  return parsed.data
}

/** A channel is configured whole or not at all: with an empty secret anybody could speak in anybody's name. */
const channelFaults = (values: Readonly<Record<string, string>>): readonly string[] => [
  ...CHANNELS.flatMap((channel) =>
    channel.missing(values).map((name) => `${name}: is empty, and ${channel.title} does not start without it`),
  ),
  ...(values['CHAT_ACCESS'] === 'allowlist' && !values['CHAT_ALLOWLIST']
    ? ['CHAT_ALLOWLIST: is empty, and CHAT_ACCESS=allowlist lets nobody in']
    : []),
]

/** Settings whose value nobody else may see. */
const SECRET = /_API_KEYS?$|_TOKEN$|_SECRET$|^DATABASE_URL$/

/** The settings for a person to look at: secrets only say whether they are set. */
export function publicSettings(config: Config): Readonly<Record<string, unknown>> {
  const shown = (name: string, value: unknown) => (SECRET.test(name) && String(value) !== '' ? '(set)' : value)
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [name, value === undefined ? value : shown(name, value)]),
  )
}

/** Whether any Gemini credential is configured. */
export function hasModelCredential(config: Config): boolean {
  return config.GEMINI_API_KEY !== undefined || config.GEMINI_API_KEYS.length > 0 || config.GOOGLE_GENAI_USE_VERTEXAI
}

/** The environment of a process the gateway starts: its own, with what it found or started filled in. */
export function childEnvironment(overrides: Readonly<Record<string, string>>): Record<string, string | undefined> {
  return { ...process.env, ...overrides }
}
