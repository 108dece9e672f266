import { readFileSync } from 'node:fs'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { loadConfig } from '../../adapters/config.ts'
import { GatewayError } from '../../domain/errors.ts'
import { printable } from '../../domain/printable.ts'
import type { TaskView } from '../../domain/schemas/task.ts'
import { APPROVAL_MODES, TASK_KINDS, TASK_STATES } from '../../domain/task.ts'
import { connect, readTask, type GatewayClient } from '../client.ts'
import { follow } from '../follow.ts'
import { print, table, wantsJson } from '../output.ts'
import { taskText } from '../task-text.ts'

/** `ocg task …`: everything a requester does with tasks, through the HTTP API. */
export function addTask(program: Command): void {
  const task = program.command('task').description('send, follow and steer tasks')
  addSubmit(task)
  addList(task)
  addRead(task)
  addControls(task)
  addAnswers(task)
}

const client = (): Promise<GatewayClient> => connect(loadConfig())
const withJson = (command: Command): Command => command.option('--json', 'print JSON')
const show = (command: Command, task: TaskView): void => print(command, { json: task, text: taskText(task) })
const pathOf = (id: string, rest = ''): string => `/v1/tasks/${encodeURIComponent(id)}${rest}`

interface SubmitOptions {
  readonly title?: string
  readonly kind?: string
  readonly repo?: string
  readonly ref?: string
  readonly setup?: string[]
  readonly check?: string[]
  readonly protect?: string[]
  readonly priority?: number
  readonly budget?: number
  readonly maxTurns?: number
  readonly deadline?: string
  readonly approvalMode?: string
  readonly label?: string[]
  readonly key?: string
  readonly watch?: boolean
}

function addSubmit(task: Command): void {
  withJson(task.command('submit'))
    .description('send a task')
    .argument('<prompt>', 'what to do; - reads it from standard input')
    .option('--repo <url>', 'repository, or the name of a known one')
    .option('--ref <ref>', 'branch, tag or commit to start from')
    .option('--check <command...>', 'acceptance command; all must succeed')
    .option('--setup <command...>', 'command to run before the checks')
    .option('--protect <path...>', 'path or glob that is put back before the checks')
    .option('--title <title>')
    .addOption(new Option('--kind <kind>').choices(TASK_KINDS))
    .option('--priority <1-5>', '1 is served first', number)
    .option('--budget <usd>', 'pause when this is spent', number)
    .option('--max-turns <n>', 'model turns', number)
    .option('--deadline <time>', 'RFC 3339')
    .addOption(new Option('--approval-mode <mode>').choices(APPROVAL_MODES))
    .option('--label <label...>')
    .option('--key <key>', 'Idempotency-Key')
    .option('--watch', 'follow it until it has ended')
    .action(async (prompt: string, options: SubmitOptions, command: Command) => {
      const gateway = await client()
      const body = requestOf(prompt === '-' ? readFileSync(0, 'utf8') : prompt, options)
      const headers = options.key === undefined ? {} : { 'idempotency-key': options.key }
      const sent = await gateway.json<TaskView>('POST', '/v1/tasks', { body, headers })
      if (options.watch !== true) return show(command, sent)
      await watch(gateway, { id: sent.id, command })
    })
}

function requestOf(prompt: string, options: SubmitOptions) {
  const { title, kind, repo, ref, setup, check, protect, priority, deadline, approvalMode, label } = options
  if (!check && (setup ?? protect))
    throw new GatewayError('invalid_request', '--setup and --protect belong to a check: add --check <command>.')
  if (repo === undefined && ref !== undefined)
    throw new GatewayError('invalid_request', '--ref belongs to a repository: add --repo <url>.')
  const constraints = { budgetUsd: options.budget, maxTurns: options.maxTurns, deadline, approvalMode }
  return {
    prompt,
    title,
    kind,
    ...(repo !== undefined && { repository: { url: repo, ref } }),
    ...(check && { acceptance: { commands: check, setup, protectedPaths: protect } }),
    ...(Object.values(constraints).some((value) => value !== undefined) && { constraints }),
    priority,
    labels: label,
  }
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Not a number.')
  return value
}

function addList(task: Command): void {
  withJson(task.command('list'))
    .description('list tasks, newest first')
    .addOption(new Option('--state <state>').choices(TASK_STATES))
    .addOption(new Option('--kind <kind>').choices(TASK_KINDS))
    .option('--q <words>', 'words of title or prompt')
    .option('--limit <n>', 'at most so many', '20')
    .option('--cursor <cursor>', 'as the page before gave it')
    .action(async (options: Record<string, string>, command: Command) => {
      const { json: _json, ...query } = options
      const path = `/v1/tasks?${new URLSearchParams(query).toString()}`
      const page = await (await client()).json<{ items: TaskView[]; nextCursor: string | null }>('GET', path)
      const rows = page.items.map(({ id, state, cost, title }) => [id, state, `$${cost.usd.toFixed(4)}`, title])
      const more = page.nextCursor === null ? '' : `\nmore: --cursor ${page.nextCursor}`
      print(command, { json: page, text: rows.length > 0 ? table(rows) + more : 'No tasks.' })
    })
}

function addRead(task: Command): void {
  withJson(task.command('show <id>'))
    .description('show a task')
    .action(async (id: string, _options: unknown, command: Command) =>
      show(command, await readTask(await client(), id)),
    )
  withJson(task.command('watch <id>'))
    .description('follow a task until it has ended; exits 0 when it completed')
    .action(async (id: string, _options: unknown, command: Command) => watch(await client(), { id, command }))
  withJson(task.command('diff <id>'))
    .description('print the change, fit for git apply')
    .action(async (id: string, _options: unknown, command: Command) => {
      const patch = Buffer.from(await (await client()).bytes(pathOf(id, '/patch')))
      if (wantsJson(command)) print(command, { json: { patch: patch.toString('utf8') }, text: '' })
      else process.stdout.write(patch)
    })
}

/** Events as they come: one a line, as JSON when asked for; then the task. */
async function watch(
  gateway: GatewayClient,
  { id, command }: { readonly id: string; readonly command: Command },
): Promise<void> {
  if (wantsJson(command)) {
    for await (const event of gateway.events(id)) process.stdout.write(`${JSON.stringify(event)}\n`)
    process.exitCode = (await readTask(gateway, id)).state === 'completed' ? 0 : 1
    return
  }
  const ended = await follow(gateway, id, (line) => process.stdout.write(`${line}\n`))
  process.stdout.write(`\n${printable(taskText(ended))}\n`)
  process.exitCode = ended.state === 'completed' ? 0 : 1
}

const CONTROLS = {
  cancel: 'end a task as cancelled',
  pause: 'stop a task after the step in progress',
  resume: 'go on with a paused task',
  retry: 'run an ended task again as a new one',
} as const

function addControls(task: Command): void {
  for (const [name, description] of Object.entries(CONTROLS))
    withJson(task.command(`${name} <id>`))
      .description(description)
      .action(async (id: string, _options: unknown, command: Command) =>
        show(command, await (await client()).json<TaskView>('POST', pathOf(id, `/${name}`))),
      )
}

function addAnswers(task: Command): void {
  withJson(task.command('say <id> <text>'))
    .description('answer the open question, or steer the running task')
    .action(async function (this: Command, id: string, text: string) {
      const gateway = await client()
      await gateway.json('POST', pathOf(id, '/messages'), { body: { text } })
      show(this, await readTask(gateway, id))
    })
  for (const decision of ['approve', 'reject'] as const)
    withJson(task.command(`${decision} <id> [approvalId]`))
      .description(`${decision} the tool call a task waits with`)
      .option('--comment <text>', 'what the model is told')
      .action(async function (this: Command, id: string, given: string | undefined) {
        const gateway = await client()
        const approvalId = given ?? (await waitingApproval(gateway, id))
        const { comment } = this.opts<{ comment?: string }>()
        const path = pathOf(id, `/approvals/${encodeURIComponent(approvalId)}`)
        show(this, await gateway.json<TaskView>('POST', path, { body: { decision, comment } }))
      })
}

async function waitingApproval(gateway: GatewayClient, id: string): Promise<string> {
  const { waiting, state } = await readTask(gateway, id)
  if (waiting?.approvalId !== undefined) return waiting.approvalId
  throw new GatewayError('conflict', `${id} is ${state} and waits for no approval.`)
}
