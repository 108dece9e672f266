import { describe, expect, it } from 'vitest'
import { isAllowed, permissionsOf, ROLES } from '../../domain/permissions.ts'
import { decide } from '../../domain/policy.ts'
import { seatPriority, toPriority } from '../../domain/priority.ts'

const decisions = (mode: Parameters<typeof decide>[0]['mode'], risk: 'low' | 'high' = 'low') =>
  (['none', 'edit', 'command', 'outside'] as const).map((effect) =>
    decide({ mode, risk, effect, name: 'tool', args: {} }),
  )

describe('approval modes', () => {
  it.each([
    ['sandboxed', ['allow', 'allow', 'allow', 'ask']],
    ['default', ['allow', 'ask', 'ask', 'ask']],
    ['auto_edit', ['allow', 'allow', 'ask', 'ask']],
    ['plan', ['allow', 'deny', 'deny', 'deny']],
    ['yolo', ['allow', 'allow', 'allow', 'allow']],
  ] as const)('%s decides %j over reading, editing, commands and what leaves the sandbox', (mode, expected) => {
    expect(decisions(mode)).toEqual(expected)
  })

  it('runs a sandboxed task of high risk as default', () => {
    expect(decisions('sandboxed', 'high')).toEqual(decisions('default'))
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
