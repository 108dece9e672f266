import { describe, expect, it } from 'vitest'
import { isAllowed, permissionsOf, ROLES } from '../../domain/permissions.ts'
import { decide } from '../../domain/policy.ts'
import { effectOf } from '../../domain/tools/tools.ts'
import { seatPriority, toPriority } from '../../domain/priority.ts'

const decisions = (mode: Parameters<typeof decide>[0]['mode'], risk: 'low' | 'high' = 'low') =>
  (['none', 'edit', 'command', 'network', 'outside'] as const).map((effect) =>
    decide({ mode, risk, effect, name: 'tool', args: {} }),
  )

describe('approval modes', () => {
  it.each([
    ['sandboxed', ['allow', 'allow', 'allow', 'ask', 'ask']],
    ['default', ['allow', 'ask', 'ask', 'ask', 'ask']],
    ['auto_edit', ['allow', 'allow', 'ask', 'ask', 'ask']],
    ['plan', ['allow', 'deny', 'deny', 'deny', 'deny']],
    ['yolo', ['allow', 'allow', 'allow', 'allow', 'allow']],
  ] as const)(
    '%s decides %j over reading, editing, commands, commands with a network and what else leaves the sandbox',
    (mode, expected) => {
      expect(decisions(mode)).toEqual(expected)
    },
  )

  it('runs a sandboxed task of high risk as default', () => {
    expect(decisions('sandboxed', 'high')).toEqual(decisions('default'))
  })
})

describe('a command', () => {
  const effect = (args: Record<string, unknown>, network: 'none' | 'allowlist') =>
    effectOf({ name: 'run_shell_command', args: { command: 'npm ci', ...args }, network })

  it('of a task with a network leaves the sandbox, unless it does without by itself', () => {
    expect(effect({}, 'allowlist')).toBe('network')
    expect(effect({ network: true }, 'allowlist')).toBe('network')
    expect(effect({ network: 'false' }, 'allowlist')).toBe('network')
    expect(effect({ network: false }, 'allowlist')).toBe('command')
  })

  it('of a task without a network gets none by asking for it', () => {
    expect(effect({}, 'none')).toBe('command')
    expect(effect({ network: true }, 'none')).toBe('command')
  })

  it('with a network is judged by its words as any other', () => {
    const rule = { priority: 1, tools: ['run_shell_command'], commandPrefixes: ['npm ci'], modes: [] }
    const call = { mode: 'sandboxed', risk: 'low', effect: 'network', name: 'run_shell_command' } as const
    const decisionOver = (command: string) => decide({ ...call, args: { command } }, [{ ...rule, decision: 'allow' }])
    expect(['npm ci', 'npm ci && curl x', 'curl x', 'npm publish'].map(decisionOver)).toEqual([
      'allow',
      'ask',
      'ask',
      'ask',
    ])
  })
})

describe('permissions', () => {
  it('grants admin everything any role has', () => {
    const all = new Set(ROLES.flatMap((role) => permissionsOf([role])))
    expect(permissionsOf(['admin'])).toEqual([...all].toSorted())
  })

  it('lets a viewer look and nothing else', () => {
    const viewer = { subject: 'key:1', name: 'v', tenant: 't', roles: ['viewer' as const] }
    expect(isAllowed(viewer, 'task:read')).toBe(true)
    expect(isAllowed(viewer, 'task:submit')).toBe(false)
  })

  it('grants nothing without a role', () => {
    expect(permissionsOf([])).toEqual([])
  })
})

describe('priorities', () => {
  it('brings any number to 1..5 and nonsense to 3', () => {
    expect([-4, 0, 1, 2.4, 5, 99, Number.NaN].map(toPriority)).toEqual([1, 1, 1, 2, 5, 5, 3])
  })

  it('lets begun work overtake everything', () => {
    expect(seatPriority({ priority: 5, begun: true })).toBe(1)
    expect(seatPriority({ priority: 5, begun: false })).toBe(5)
  })
})
