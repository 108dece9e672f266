import { describe, expect, it } from 'vitest'
import { extendSnapshot, snapshotContent, turnsToLeave, type PastTurn } from '../../domain/state-snapshot.ts'

interface Told {
  readonly came: Record<string, unknown>
  readonly messages?: string[]
}

function turn(number: number, call: { name: string; args: Record<string, unknown> }, told: Told): PastTurn {
  const parts = [{ text: 'secret thought', thought: true }, { text: ` I do\n${number}. ` }, { functionCall: call }]
  return { number, parts, responses: [{ name: call.name, response: told.came }], messages: told.messages ?? [] }
}

const TURNS = [
  turn(1, { name: 'read_file', args: { file_path: 'a.ts' } }, { came: { output: 'text of a' } }),
  turn(
    2,
    { name: 'write_file', args: { file_path: 'b.ts', content: 'b' } },
    { came: { output: 'written' }, messages: ['Mind b.'] },
  ),
  turn(3, { name: 'replace', args: { file_path: 'c.ts' } }, { came: { error: 'not found' } }),
  turn(
    4,
    { name: 'run_shell_command', args: { command: 'npm test' } },
    { came: { output: `${'.'.repeat(999)}\nExit Code: 1` } },
  ),
  turn(5, { name: 'write_todos', args: { todos: [] } }, { came: { output: 'Plan shown.' } }),
]

describe('a snapshot', () => {
  const snapshot = extendSnapshot(undefined, TURNS)

  it('holds what was changed, read and said, and how each call ended; failed edits changed nothing', () => {
    expect(snapshot).toMatchObject({ throughTurn: 5, changed: ['b.ts'], read: ['a.ts'], said: ['Mind b.'] })
    expect(snapshot.history[1]).toBe('turn 1: read_file {"file_path":"a.ts"} → text of a')
    expect(snapshot.history.find((line) => line.includes('npm test'))).toMatch(/→ ….*Exit Code: 1$/)
  })

  it('holds the words of the model on one line each, never its thoughts, and leaves the plan to the plan', () => {
    expect(snapshot.history[0]).toBe('turn 1: I do 1.')
    expect(JSON.stringify(snapshot)).not.toMatch(/secret thought|write_todos/)
  })

  it('grows from snapshot to snapshot as from all turns at once', () => {
    expect(extendSnapshot(extendSnapshot(undefined, TURNS.slice(0, 2)), TURNS.slice(2))).toEqual(snapshot)
  })

  it('stays small over thousands of turns: what is oldest gives way', () => {
    const many = Array.from({ length: 3_000 }, (_, index) =>
      turn(
        index + 1,
        { name: 'write_file', args: { file_path: `${index}.ts` } },
        { came: { output: 'x'.repeat(20_000) }, messages: [`m${index}`] },
      ),
    )
    const long = extendSnapshot(undefined, many)
    expect(JSON.stringify(long).length).toBeLessThan(100_000)
    expect([long.changed.at(-1), long.said.at(-1), long.throughTurn]).toEqual(['2999.ts', 'm2999', 3_000])
  })

  it('is told to the model as what it is, with the plan of now', () => {
    const { role, parts } = snapshotContent(snapshot, [{ text: 'Fix b', status: 'in_progress' }])
    expect(role).toBe('user')
    expect(parts[0]?.text).toContain('Turns 1 to 5 of this conversation are left out.')
    expect(parts[0]?.text).toContain('<plan>\n- [in_progress] Fix b\n</plan>\n<files_changed>\nb.ts\n</files_changed>')
  })
})

describe('turns leave', () => {
  it.each([
    [[10, 10, 10], 30, 0],
    [[10, 10, 10], 29, 1],
    [[10, 10, 10], 10, 2],
    [[10, 10, 100], 50, 2],
    [[10], 0, 0],
    [[], 5, 0],
  ])('of sizes %j so that %i remain: %i', (sizes, keep, leaving) => {
    expect(turnsToLeave(sizes, keep)).toBe(leaving)
  })
})
