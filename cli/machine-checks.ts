import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { childEnvironment, hasModelCredential, type Config } from '../adapters/config.ts'
import { databaseAnswers, embeddedPrograms } from '../adapters/postgres/embedded.ts'
import type { DirectoryOwner } from '../adapters/processes/data-directory.ts'
import { holderOf, isFree } from '../adapters/processes/ports.ts'
import { createSandbox } from '../adapters/sandbox/create-sandbox.ts'
import { installedTemporal } from '../adapters/temporal/find-temporal.ts'
import { temporalAnswers } from '../adapters/temporal/temporal-server.ts'
import { paths } from '../adapters/paths.ts'

const run = promisify(execFile)

/** What was found of one thing a gateway needs. */
export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** The next command, empty when there is nothing to do. */
  readonly next: string
}

type Finding = Omit<Check, 'name'>
type Look = (machine: Machine) => Promise<Finding>

export interface Machine {
  readonly config: Config
  readonly owner: DirectoryOwner | undefined
}

const fine = (detail: string): Finding => ({ ok: true, detail, next: '' })
const amiss = (detail: string, next: string): Finding => ({ ok: false, detail, next })

/** Looks at everything at once. */
export function checkMachine(machine: Machine): Promise<readonly Check[]> {
  return Promise.all(Object.entries(LOOKS).map(async ([name, look]) => ({ name, ...(await look(machine)) })))
}

const LOOKS: Readonly<Record<string, Look>> = {
  async node() {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    const suits = major > 20 || (major === 20 && minor >= 19)
    const detail = `Node ${process.versions.node}`
    return Promise.resolve(suits ? fine(detail) : amiss(detail, 'install Node 20.19 or newer'))
  },
  async git() {
    const found = await run('git', ['--version']).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    )
    if (found === undefined) return amiss('git was not found', 'apt-get install git')
    const [major = 0, minor = 0] = (/\d+\.\d+/.exec(found)?.[0] ?? '').split('.').map(Number)
    const suits = major > 2 || (major === 2 && minor >= 38)
    return suits ? fine(found) : amiss(`${found} cannot merge sub-tasks`, 'install git 2.38 or newer')
  },
  async port({ config, owner }) {
    const { PORT, HOST } = config
    if (owner?.url !== undefined) return fine(`a gateway (pid ${owner.pid}) listens at ${owner.url}`)
    if (await isFree(PORT, HOST)) return fine(`${HOST}:${PORT} is free`)
    return amiss(`${HOST}:${PORT} is held by ${holderOf(PORT) ?? 'another process'}`, `PORT=${PORT + 1} npm start`)
  },
  async temporal({ config, owner }) {
    const address = config.TEMPORAL_ADDRESS ?? owner?.temporalAddress
    if (address !== undefined)
      return (await temporalAnswers(address, config.TEMPORAL_NAMESPACE))
        ? fine(`${address} answers`)
        : amiss(`${address} does not answer`, `temporal operator cluster health --address ${address}`)
    const directory = paths(config).temporal
    const program = await installedTemporal({ directory, environment: childEnvironment({}) })
    return fine(program ?? 'not installed yet: the first start installs it')
  },
  async postgresql({ config, owner }) {
    if (config.DATABASE_URL !== undefined)
      return (await databaseAnswers(config.DATABASE_URL))
        ? fine('DATABASE_URL answers')
        : amiss('DATABASE_URL does not answer', 'psql "$DATABASE_URL" -c "select 1"')
    if (owner) return fine('embedded, running')
    const folder = embeddedPrograms()
    return folder === undefined
      ? amiss('no PostgreSQL for this platform', 'npm ci, or set DATABASE_URL')
      : fine(`embedded, ${folder}`)
  },
  async sandbox({ config }) {
    const sandbox = await createSandbox({ mode: config.SANDBOX, programs: paths(config).bubblewrap })
    if (sandbox.kind === 'bubblewrap') return fine('bubblewrap works')
    if (sandbox.kind === 'none') return amiss('SANDBOX=none: commands run on this host', 'unset SANDBOX')
    return amiss('no bubblewrap that works: commands are refused', 'apt-get install bubblewrap')
  },
  key({ config, owner }) {
    return Promise.resolve(
      (owner?.hasModelCredential ?? hasModelCredential(config))
        ? fine(owner ? 'the running gateway has one' : `set; the model is ${config.GEMINI_MODEL}`)
        : amiss('no Gemini credential: tasks end failed with model_not_configured', 'export GEMINI_API_KEY=…'),
    )
  },
}
