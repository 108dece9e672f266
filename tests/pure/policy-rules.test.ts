import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readPolicyRules } from '../../adapters/policy/policy-file.ts'
import { decide, type Decision, type JudgedCall } from '../../domain/policy.ts'
import { splitCommand } from '../../domain/shell-command.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'ocg-policy-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function file(text: string): string {
  const path = join(folder, 'policy.toml')
  writeFileSync(path, text)
  return path
}

const rule = (lines: string): string => `[[rule]]\n${lines}\n`
const command = (text: string, mode: JudgedCall['mode'] = 'default'): JudgedCall => ({
  ...{ mode, risk: 'low', effect: 'command', name: 'run_shell_command', args: { command: text } },
})
async function judged(rules: string, call: JudgedCall): Promise<Decision> {
  return decide(call, await readPolicyRules(file(rules)))
}

describe('a rule', () => {
  const git = rule(
    'toolName = "run_shell_command"\ncommandPrefix = ["git status", "ls"]\ndecision = "allow"\npriority = 100',
  )

  it.each([
    ['git status', 'allow'],
    ['git  status --short', 'allow'],
    ['"git" status && ls -l *.ts | ls', 'allow'],
    ['git statusx', 'ask'],
    ['git push', 'ask'],
    ['git status; rm -rf .', 'ask'],
    ['git status &', 'allow'],
    ['git status $(rm -rf .)', 'ask'],
    ['git status `rm x`', 'ask'],
    ['git status > /etc/passwd', 'ask'],
    ['git status "$(rm x)"', 'ask'],
    ["git status 'a; rm b'", 'allow'],
    ['git status\nrm x', 'ask'],
    ['X=1 git status', 'ask'],
    ['env git status', 'ask'],
    ['(git status)', 'ask'],
    ['', 'ask'],
    ['git status "unclosed', 'ask'],
  ] as const)('by prefixes allows %j: %s; a chain only when each part of it is', async (text, decision) => {
    expect(await judged(git, command(text))).toBe(decision)
  })

  const push = rule('commandPrefix = "git push"\ndecision = "deny"\npriority = 100')
  it.each(['git push', 'ls && git push -f', 'x=$(git push)', 'bash -c "git push"', '{ git push; }'])(
    'that forbids a command forbids %j even in the loosest mode, also where it can only be guessed',
    async (text) => {
      expect(await judged(push, command(text, 'yolo'))).toBe('deny')
      expect(await judged(push, command('git pull', 'yolo'))).toBe('allow')
    },
  )

  it.each([
    ['grep_search', 'search_file_content'],
    ['search_file_content', 'grep_search'],
    ['search_*', 'grep_search'],
    ['grep_search', 'grep_search'],
  ])('for %s is for %s too: a tool has one rule under all of its names', async (toolName, name) => {
    const denied = rule(`toolName = "${toolName}"\ndecision = "deny"\npriority = 1`)
    const call: JudgedCall = { ...command(''), effect: 'none', name, args: { pattern: 'x' } }
    expect(await judged(denied, call)).toBe('deny')
    expect(await judged(denied, { ...call, name: 'glob' })).toBe('allow')
    expect(await judged(denied, { ...call, name: 'constructor' })).toBe('allow')
  })

  it('of the highest priority decides, of equal ones the first', async () => {
    const low = rule('toolName = "*"\ndecision = "deny"\npriority = 1')
    const high = rule('toolName = "run_*"\ndecision = "allow"\npriority = 2')
    const equal = rule('toolName = "run_shell_command"\ndecision = "ask_user"\npriority = 2')
    expect(await judged(low + high + equal, command('make'))).toBe('allow')
    expect(await judged(low + equal + high, command('make'))).toBe('ask')
    expect(await judged(low, command('make'))).toBe('deny')
  })

  it('counts in its modes only', async () => {
    const only = rule('decision = "deny"\npriority = 5\nmodes = ["autoEdit", "yolo"]')
    expect(await judged(only, command('make', 'yolo'))).toBe('deny')
    expect(await judged(only, command('make', 'auto_edit'))).toBe('deny')
    expect(await judged(only, command('make', 'default'))).toBe('ask')
  })

  it('looks at the arguments as JSON', async () => {
    const secrets = rule(
      `toolName = "write_file"\nargsPattern = '"file_path":"[^"]*\\.env"'\ndecision = "deny"\npriority = 5`,
    )
    const write = (file_path: string): JudgedCall => ({
      ...command(''),
      effect: 'edit',
      name: 'write_file',
      args: { file_path },
    })
    expect(await judged(secrets, write('config/.env'))).toBe('deny')
    expect(await judged(secrets, write('env.ts'))).toBe('ask')
  })

  it('of a server of tools is for its tools alone', async () => {
    const server = rule('mcpName = "files"\ntoolName = "read*"\ndecision = "allow"\npriority = 5')
    const mcp = (name: string): JudgedCall => ({ ...command('', 'sandboxed'), effect: 'outside', name, args: {} })
    expect(await judged(server, mcp('mcp_files_read_all'))).toBe('allow')
    expect(await judged(server, mcp('mcp_other_read_all'))).toBe('ask')
  })

  it('never lets a plan do more than read', async () => {
    expect(await judged(rule('decision = "allow"\npriority = 999'), command('ls', 'plan'))).toBe('deny')
  })
})

describe('a policy file', () => {
  it.each([
    ['[[rule]]\ndecision = "allow"', /rule\.0\.priority/],
    ['[[rule]]\ndecision = "maybe"\npriority = 1', /rule\.0\.decision/],
    ['[[rule]]\ndecision = "deny"\npriority = 1\ncommandprefix = "rm"', /commandprefix/],
    [
      '[[rule]]\ndecision = "deny"\npriority = 1\nargsPattern = "("',
      /rule\.0\.argsPattern: Invalid regular expression/,
    ],
    ['[[rule]]\ndecision = "deny"\npriority = 1\ntoolName = "glob"\ncommandPrefix = "rm"', /only run_shell_command/],
    ['[[rules]]\ndecision = "deny"\npriority = 1', /rules/],
    ['[[rule]\n', /the file|TOML/i],
  ])('with a fault is refused as a whole: %j', async (text, reason) => {
    const refused = readPolicyRules(file(text))
    await expect(refused).rejects.toMatchObject({ code: 'configuration_invalid' })
    await expect(refused).rejects.toThrow(reason)
  })

  it('that is not there is refused, and none at all has no rules', async () => {
    await expect(readPolicyRules(join(folder, 'none.toml'))).rejects.toMatchObject({ code: 'configuration_invalid' })
    expect(await readPolicyRules(undefined)).toEqual([])
    expect(await readPolicyRules(file(''))).toEqual([])
  })
})

describe('a command line is taken apart', () => {
  it.each([
    ['a  b && c | d ; e', ['a b', 'c', 'd', 'e']],
    ['npm run "a b"\nnode x', ['npm run a b', 'node x']],
    ['ls src/*.ts', ['ls src/*.ts']],
    ['a || b', ['a', 'b']],
  ])('%j as %j', (line, commands) => {
    expect(splitCommand(line)).toEqual(commands)
  })

  it.each([
    'a > b',
    'a <(b)',
    'if a; then b; fi',
    'a |& b',
    '# a',
    '*.sh',
    'sudo a',
    'a\\ b',
    '  ',
    '! a',
    '. a',
    'xargs a',
  ])('unless only a shell could: %j', (line) => {
    expect(splitCommand(line)).toBeUndefined()
  })
})
