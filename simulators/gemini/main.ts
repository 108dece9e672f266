import { parseArgs } from 'node:util'
import { readScript } from './script-file.ts'
import { startGeminiSimulator, type GeminiSimulatorOptions } from './server.ts'

const USAGE = `Usage: node bin/run.mjs simulators/gemini/main.ts --script FILE [options]
  --script FILE   what the model says, JSON (see simulators/gemini/README.md)
  --port N        port on 127.0.0.1, default 0: a free one
  --latency MS    time until the first byte of an answer, default 0
  --ledger FILE   gets a line of JSON for each request
  --key KEY       an API key that is right; may be given several times; default: every key is
  --seed TEXT     simulators with the same seed accept each other's model signatures
  --help          shows this`

const MAX_PORT = 65_535

/** A mistake on the command line; its message says what to write instead. */
class UsageError extends Error {
  override readonly name = 'UsageError'
}

async function optionsOf(values: ReturnType<typeof parseCommandLine>): Promise<GeminiSimulatorOptions> {
  const { script, port, latency, ledger, key, seed } = values
  if (script === undefined)
    throw new UsageError('--script is missing: name the JSON file that says what the model says.')
  return {
    port: wholeNumber('--port', port, MAX_PORT),
    latencyMs: wholeNumber('--latency', latency, Number.MAX_SAFE_INTEGER),
    ...(ledger !== undefined && { ledgerFile: ledger }),
    ...(key && { apiKeys: key }),
    ...(seed !== undefined && { seed }),
    script: await readScript(script),
  }
}

function wholeNumber(flag: string, text: string, most: number): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isInteger(number) && number >= 0 && number <= most) return number
  throw new UsageError(`${flag} is ${JSON.stringify(text)}: give a whole number from 0 to ${most}.`)
}

function parseCommandLine() {
  try {
    const { values } = parseArgs({
      options: {
        script: { type: 'string' },
        port: { type: 'string', default: '0' },
        latency: { type: 'string', default: '0' },
        ledger: { type: 'string' },
        key: { type: 'string', multiple: true },
        seed: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function run(): Promise<void> {
  const values = parseCommandLine()
  if (values.help) return console.log(USAGE)
  const options = await optionsOf(values)
  const simulator = await startGeminiSimulator(options)
  const key = options.apiKeys?.[0] ?? 'simulator'
  console.log(
    `Gemini simulator at ${simulator.url} - set GOOGLE_GEMINI_BASE_URL=${simulator.url} GEMINI_API_KEY=${key}`,
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.close())
}

/** What went wrong and what to do about it, in a line or two. */
function explain(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n\n${USAGE}`
  const { code, path, port } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE') return `Port ${port} is taken. Choose another with --port, or --port 0 for a free one.`
  if (code === 'EACCES' && port !== undefined) return `Port ${port} is not allowed. Choose one above 1023 with --port.`
  if (code === 'ENOENT') return `${path} does not exist. Check the path after --script or --ledger.`
  if (code === 'EACCES' || code === 'EISDIR')
    return `${path ?? 'A given file'} cannot be opened (${code}). Check --script and --ledger.`
  return error instanceof Error ? error.message : String(error)
}

try {
  await run()
} catch (error) {
  console.error(explain(error))
  process.exitCode = 1
}
