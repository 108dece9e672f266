import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startGeminiSimulator } from '../../simulators/gemini/server.ts'
import { functionResponse, hello, model, post, user, text } from '../support/gemini-http.ts'
import { clientOf, converse, SCRIPT } from './gemini-conversation.ts'

const children: ChildProcess[] = []
let folder: string
let script: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gemini-command-'))
  script = join(folder, 'script.json')
  await writeFile(script, JSON.stringify(SCRIPT))
})
afterAll(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

function run(...flags: readonly string[]) {
  const command = ['bin/run.mjs', 'simulators/gemini/main.ts', ...flags]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  return child
}
/** Starts a simulator and gives its line of output and its URL. */
async function start(...flags: readonly string[]) {
  const child = run('--script', script, ...flags)
  const [piece] = (await once(child.stdout, 'data')) as [Buffer]
  const line = piece.toString()
  return { child, line, url: /at (\S+) /.exec(line)?.[1] ?? '' }
}
async function endOf(child: ReturnType<typeof run>) {
  const said: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => said.push(piece))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said: Buffer.concat(said).toString() }
}

describe('the command', () => {
  test('prints one line with what to set, answers the right key, and ends on SIGTERM', async () => {
    const { child, line, url } = await start('--key', 'mine', '--key', 'yours')
    expect(line).toBe(`Gemini simulator at ${url} - set GOOGLE_GEMINI_BASE_URL=${url} GEMINI_API_KEY=mine\n`)
    expect(await converse({ client: clientOf(url, 'yours'), stream: true }, 'fix the login')).toHaveLength(6)
    expect((await post({ url }, hello())).message).toBe('API key not valid. Please pass a valid API key.')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('answers the same bytes in every process of a seed, and after a restart', async () => {
    const asked = { contents: [user(text('fix the login'))] }
    const bytes = async (url: string, body: object) => JSON.stringify((await post({ url }, body)).body)
    const [one, other] = [await start('--seed', 'a'), await start('--seed', 'a')]
    const first = await bytes(one.url, asked)
    expect(await bytes(other.url, asked)).toBe(first)
    const { parts } = (
      JSON.parse(first) as { candidates: { content: { parts: { functionCall?: { id: string } }[] } }[] }
    ).candidates[0]?.content ?? { parts: [] }
    const responses = parts.flatMap(({ functionCall }) =>
      functionCall ? [functionResponse('read_file', functionCall.id)] : [],
    )
    const next = { contents: [...asked.contents, model(...parts), user(...responses)] }
    const second = await bytes(one.url, next)
    expect(second).toContain('write_file')
    one.child.kill('SIGKILL')
    await once(one.child, 'exit')
    const again = await start('--seed', 'a')
    expect(await bytes(again.url, next)).toBe(second)
  })

  test('has the ledger’s line on the disk before the first byte of the answer, also when it dies then', async () => {
    const ledger = join(folder, 'ledger.jsonl')
    await writeFile(ledger, '{"before":true}\n')
    const { child, url } = await start('--ledger', ledger)
    await fetch(`${url}/v1beta/models/gemini-3.1-pro-preview:streamGenerateContent?alt=sse`, {
      method: 'POST',
      headers: { 'x-goog-api-key': 'key' },
      body: JSON.stringify(hello()),
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const lines = (await readFile(ledger, 'utf8')).trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ before: true }, { status: 200, turn: 0 }])
  })

  test('gives no answer when its line cannot be written', async () => {
    const simulator = await startGeminiSimulator({ script: SCRIPT, ledgerFile: '/dev/full' })
    await expect(post(simulator, hello())).rejects.toThrow('fetch failed')
    await expect(simulator.close()).rejects.toThrow('ENOSPC')
  })

  test('waits as long as --latency says, and lists every option for --help', async () => {
    const { url } = await start('--latency', '300')
    const started = Date.now()
    await post({ url }, hello())
    expect(Date.now() - started).toBeGreaterThan(295)
    const { code, said } = await endOf(run('--help'))
    expect(code).toBe(0)
    for (const option of ['script', 'port', 'latency', 'ledger', 'key', 'seed', 'help'])
      expect(said).toContain(`  --${option} `)
  })
})

describe.concurrent('a mistake', () => {
  const FILES = {
    'syntax.json': '{\n  "tasks" []}',
    'faults.json': '{"tasks":[{"match":"x","turns":[{"text":1},{"fault":"flood"}]},{"turns":[],"more":1}]}',
    'right.json': '{"tasks":[]}',
  }
  beforeAll(() => Promise.all(Object.entries(FILES).map(([name, content]) => writeFile(join(folder, name), content))))

  test.each<[readonly string[], RegExp]>([
    [[], /^--script is missing: name the JSON file[^]*Usage:/],
    [['--script', 'nowhere.json'], /nowhere\.json does not exist\. Check the path after --script or --ledger\.\n$/],
    [['--script', '.'], /cannot be opened \(EISDIR\)/],
    [['--script', 'syntax.json'], /syntax\.json:2:11 is not JSON/],
    [
      ['--script', 'faults.json'],
      /tasks\[0\]\.turns\[0\]\.text: [^]*tasks\[0\]\.turns\[1\]\.fault: [^]*tasks\[1\]\.match: [^]*more/,
    ],
    [['--script', 'x', '--port', 'many'], /^--port is "many": give a whole number from 0 to 65535\.[^]*Usage:/],
    [['--script', 'x', '--port', '65536'], /^--port is "65536"/],
    [['--script', 'right.json', '--ledger', 'nowhere/l.jsonl'], /nowhere\/l\.jsonl does not exist/],
    [['--wrong'], /^Unknown option '--wrong'[^]*Usage:/],
  ])('%j is refused with what to do', async (flags, expected) => {
    const places = flags.map((flag) => (/json|^\.$/.test(flag) ? join(folder, flag) : flag))
    const { code, said } = await endOf(run(...places))
    expect([code, said]).toEqual([1, expect.stringMatching(expected)])
  })

  test('a port that is taken is refused with what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const { code, said } = await endOf(run('--script', join(folder, 'right.json'), '--port', String(port)))
    taken.close()
    expect([code, said]).toEqual([
      1,
      `Port ${port} is taken. Choose another with --port, or --port 0 for a free one.\n`,
    ])
  })
})
