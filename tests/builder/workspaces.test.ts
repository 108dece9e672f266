import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { createSeatActivities } from '../../activities/builder/hold-seat.ts'
import type { Seat } from '../../domain/contracts.ts'
import type { Fence } from '../../domain/ports/store.ts'
import { quietEnvironment, useBuilders, type TestBuilder } from '../support/builder.ts'
import { calls, says } from '../support/scripted-model.ts'
import { eventTypes } from '../support/stored-task.ts'
import { userGit } from '../support/upstream.ts'

const pool = useBuilders()
let builder: TestBuilder
beforeEach(() => void (builder = pool.builder()))

const directoryOf = async (fence: Fence, by = builder) => (await by.workspaces.of(fence)).directory
/** Waits until a folder is gone: it is removed in the background. */
async function gone(folder: string): Promise<void> {
  while (existsSync(folder)) await pause(10)
}

describe('a workspace', () => {
  test('holds the files of the base, on a branch, without a remote and with no way back to the host', async () => {
    const { fence, upstream } = await pool.task(builder, {}, { 'a/b.txt': 'b\n', 'run.sh': 'true\n' })
    const directory = await directoryOf(fence)
    expect(readFileSync(join(directory, 'a/b.txt'), 'utf8')).toBe('b\n')
    expect(userGit(directory, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe('work')
    expect(userGit(directory, 'rev-parse', 'HEAD')).toBe(upstream.head)
    expect(userGit(directory, 'status', '--porcelain')).toBe('')
    expect(userGit(directory, 'remote')).toBe('')
    expect(existsSync(join(directory, '.git/objects/info/alternates'))).toBe(false)
  })

  test('is the builder’s own: nobody else on the host may look into it', async () => {
    const { fence } = await pool.task(builder)
    await directoryOf(fence)
    const [seat = ''] = readdirSync(builder.folder)
    expect(statSync(join(builder.folder, seat)).mode & 0o777).toBe(0o700)
  })

  test('of a task without a repository is empty', async () => {
    const { fence } = await pool.task(builder, { repository: undefined })
    expect(readdirSync(await directoryOf(fence))).toEqual(['.git'])
  })

  test('is made once for all that ask at the same time', async () => {
    const { fence } = await pool.task(builder)
    const all = await Promise.all(Array.from({ length: 5 }, () => builder.workspaces.of(fence)))
    expect(new Set(all).size).toBe(1)
  })

  test('that could not be made is tried again', async () => {
    const { fence, upstream } = await pool.task(builder)
    userGit(upstream.directory, 'update-ref', '-d', 'refs/heads/main')
    userGit(upstream.directory, 'symbolic-ref', 'HEAD', 'refs/heads/elsewhere')
    const { taskId } = fence
    const broken = pool.task(builder, { repository: { url: upstream.url, ref: 'main' } })
    await expect(broken.then((given) => directoryOf(given.fence))).rejects.toMatchObject({
      code: 'repository_not_found',
    })
    userGit(upstream.directory, 'update-ref', 'refs/heads/main', upstream.head)
    userGit(upstream.directory, 'symbolic-ref', 'HEAD', 'refs/heads/main')
    expect(existsSync(join(await directoryOf({ ...fence, taskId }), 'sum.js'))).toBe(true)
  })

  test('keeps to the base that was fixed first although the upstream moves on', async () => {
    const { fence, upstream } = await pool.task(builder)
    await directoryOf(fence)
    const next = userGit(upstream.directory, 'commit-tree', '-p', 'main', '-m', 'Next', 'main^{tree}')
    userGit(upstream.directory, 'update-ref', 'refs/heads/main', next)
    const other = pool.builder()
    const seat = await pool.reseat(fence, other)
    expect((await other.workspaces.of(seat)).base).toBe(upstream.head)
  })

  test('of another task on the same repository is another', async () => {
    const { fence, upstream } = await pool.task(builder)
    const second = await pool.task(builder, { repository: { url: upstream.url } })
    await builder.play(fence, 1, 'echo mine > mine')
    expect(existsSync(join(await directoryOf(second.fence), 'mine'))).toBe(false)
  })
})

describe('prepareWorkspace', () => {
  test('clones, and begins with turn 1', async () => {
    const { fence } = await pool.task(builder)
    expect(await builder.run('prepareWorkspace', fence)).toEqual({ turn: 1, restored: false })
    expect(existsSync(join(await directoryOf(fence), 'sum.js'))).toBe(true)
    expect(await eventTypes(pool.store, fence.taskId)).not.toContain('workspace-restored')
  })

  test('clones nothing for a task without a repository', async () => {
    const { fence } = await pool.task(builder, { repository: undefined })
    expect(await builder.run('prepareWorkspace', fence)).toEqual({ turn: 1, restored: false })
    expect(existsSync(builder.folder)).toBe(false)
  })

  test.each([
    [
      'a turn that was begun',
      1,
      async (fence: Fence) => {
        builder.model.will(new Error('lost'))
        await builder.run('takeTurn', { ...fence, turn: 1 }).catch(() => undefined)
      },
    ],
    [
      'a turn with a call left',
      1,
      async (fence: Fence) => {
        builder.model.will(calls(['write_todos', { todos: [] }], ['write_todos', { todos: [] }]))
        await builder.run('takeTurn', { ...fence, turn: 1 })
        await builder.run('runTool', { ...fence, turn: 1, position: 0 })
      },
    ],
    ['the turn after the last', 2, (fence: Fence) => builder.play(fence, 1, 'true')],
    [
      'the last turn when it said everything',
      1,
      async (fence: Fence) => {
        builder.model.will(says('Done.'))
        await builder.run('takeTurn', { ...fence, turn: 1 })
      },
    ],
  ] as readonly (readonly [string, number, (fence: Fence) => Promise<void>])[])(
    'goes on with %s: turn %i',
    async (...[, turn, work]) => {
      const { fence } = await pool.task(builder)
      await work(fence)
      const other = pool.builder()
      expect(await other.run('prepareWorkspace', await pool.reseat(fence, other))).toMatchObject({ turn })
    },
  )

  test('restores on another host what the last checkpoint holds, to the bit', async () => {
    const { fence } = await pool.task(builder, {}, { '.gitignore': 'ignored\n', 'old.txt': 'old\n', 'gone.txt': 'x' })
    const script = [
      'printf "a\\0b\\377" > "bin är.dat"',
      'mkdir -p deep/er && echo x > deep/er/-n && chmod +x deep/er/-n',
      'ln -s ../old.txt deep/link && ln -s /etc/passwd outside',
      'rm gone.txt && echo new >> old.txt && printf "a\\r\\n" > dos.txt',
      'touch ignored empty && mkdir nothing && git add -A && git commit -qm mine 2> /dev/null; true',
    ].join('\n')
    await builder.play(fence, 1, script)
    const other = pool.builder()
    const next = await pool.reseat(fence, other)
    expect(await other.run('prepareWorkspace', next)).toEqual({ turn: 2, restored: true })
    const [before, after] = [await directoryOf(fence), await directoryOf(next, other)]
    expect(filesBelow(after)).toEqual(filesBelow(before).filter(([path]) => path !== 'ignored'))
    expect((await eventTypes(pool.store, fence.taskId)).at(-1)).toBe('workspace-restored')
  })

  test('restores again and again, and each builder goes on from the last', async () => {
    let { fence } = await pool.task(builder)
    for (const turn of [1, 2, 3]) {
      const next = pool.builder()
      await builder.play(fence, turn, `echo ${turn} >> log`)
      fence = await pool.reseat(fence, next)
      builder = next
    }
    expect(readFileSync(join(await directoryOf(fence), 'log'), 'utf8')).toBe('1\n2\n3\n')
  })
})

/** Every file below a folder with its mode and content, git's own left out. */
function filesBelow(folder: string): readonly (readonly [path: string, mode: string, content: string])[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
  return paths.flatMap((path): [string, string, string][] => {
    const status = lstatSync(join(folder, path))
    if (path === '.git' || path.startsWith('.git/') || status.isDirectory()) return []
    if (status.isSymbolicLink()) return [[path, 'link', readlinkSync(join(folder, path))]]
    const mode = (status.mode & 0o111) === 0 ? 'file' : 'program'
    return [[path, mode, readFileSync(join(folder, path), 'latin1')]]
  })
}

describe('the end of a seat', () => {
  test('removes its files, those of no other seat, and folders nobody may enter', async () => {
    const { fence } = await pool.task(builder)
    const other = await pool.task(builder)
    await builder.play(fence, 1, 'mkdir -p closed/deep && touch closed/deep/x && chmod 0 closed/deep closed')
    const [mine, others] = [await directoryOf(fence), await directoryOf(other.fence)]
    await builder.workspaces.scratch(fence, 'verification')
    builder.workspaces.discard(fence)
    await gone(join(mine, '..'))
    expect(existsSync(others)).toBe(true)
  })

  test('is waited for by a builder that ends', async () => {
    const { fence } = await pool.task(builder)
    await directoryOf(fence)
    builder.workspaces.discard(fence)
    await builder.workspaces.discardAll()
    expect(existsSync(builder.folder)).toBe(false)
  })

  test('leaves an empty scratch folder to each step that asks', async () => {
    const { fence } = await pool.task(builder)
    const folder = await builder.workspaces.scratch(fence, 'verification')
    expect(existsSync(folder)).toBe(false)
    expect(await builder.workspaces.scratch(fence, 'verification')).toBe(folder)
  })
})

describe('holdSeat', () => {
  function seat(fence: Fence) {
    const announced: Seat[] = []
    const announce = (_: unknown, granted: Seat) => Promise.resolve(void announced.push(granted))
    const { seats, workspaces } = builder
    const { holdSeat, releaseSeat } = createSeatActivities({
      seats,
      workspaces,
      builder: 'b9',
      queue: 'builder-b9',
      announce,
    })
    const environment = quietEnvironment()
    let ended = false
    const held = environment.run(holdSeat, fence).finally(() => (ended = true))
    return { announced, environment, held, release: () => releaseSeat(fence), isHeld: () => !ended }
  }

  test('announces the seat and lasts until it is released; then its files go', async () => {
    const { fence } = await pool.task(builder)
    builder.seats.close(fence)
    const { announced, held, release, isHeld } = seat(fence)
    await pause(50)
    expect(announced).toEqual([{ seat: 1, builder: 'b9', queue: 'builder-b9' }])
    expect(builder.seats.tasks).toEqual([fence.taskId])
    const directory = await directoryOf(fence)
    expect(isHeld()).toBe(true)
    await release()
    await held
    expect(builder.seats.size).toBe(0)
    await gone(directory)
  })

  test('ends when it is cancelled, and breaks off what runs on the seat', async () => {
    const { fence } = await pool.task(builder)
    builder.seats.close(fence)
    const { environment, held } = seat(fence)
    await pause(50)
    builder.model.will(async ({ signal }) => {
      environment.cancel()
      await expect(held).rejects.toMatchObject({ name: 'CancelledFailure' })
      signal?.throwIfAborted()
      return says('too late')
    })
    await expect(builder.run('takeTurn', { ...fence, turn: 1 })).rejects.toMatchObject({ code: 'seat_lost' })
  })

  test('beats every second as long as it is held', async () => {
    const { fence } = await pool.task(builder)
    builder.seats.close(fence)
    const { environment, held, release } = seat(fence)
    let beats = 0
    environment.on('heartbeat', () => beats++)
    await pause(2_300)
    await release()
    await held
    expect(beats).toBe(2)
  })
})
