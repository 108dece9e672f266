import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { createDiskWatches, type Usage } from '../../adapters/sandbox/disk-watch.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const LIMIT: Usage = { bytes: 640 * MIB, files: 6_400 }

/** A disk whose space is what the test says. */
class Disk {
  free: Usage = { bytes: 100 * GIB, files: 1_000_000 }
  workspace: Usage | undefined = { bytes: 10 * MIB, files: 100 }
  counts = 0
  looks = 0
  readonly watch = createDiskWatches({
    limit: LIMIT,
    intervalMs: 5,
    free: () => Promise.resolve((this.looks++, this.free)),
    count: () => Promise.resolve((this.counts++, this.workspace)),
  })

  takes(taken: Partial<Usage>): void {
    const { bytes = 0, files = 0 } = taken
    this.free = { bytes: this.free.bytes - bytes, files: this.free.files - files }
  }

  /** Until the watch has looked twice at what is now. */
  async seen(): Promise<void> {
    const until = this.looks + 2
    await vi.waitFor(() => expect(this.looks).toBeGreaterThanOrEqual(until))
    await pause(5)
  }
}

describe('a command', () => {
  test('that writes little is never counted', async () => {
    const disk = new Disk()
    const watch = disk.watch('/w')
    await disk.seen()
    disk.takes({ bytes: 19 * MIB, files: 199 })
    await disk.seen()
    watch.end()
    expect({ counts: disk.counts, reason: watch.reason }).toEqual({ counts: 0, reason: undefined })
  })

  test('is counted when the disk shrank, and goes on while its workspace is within bounds', async () => {
    const disk = new Disk()
    const watch = disk.watch('/w')
    await disk.seen()
    disk.takes({ bytes: 30 * GIB })
    await disk.seen()
    watch.end()
    expect({ counts: disk.counts, reason: watch.reason, stopped: watch.stop.aborted }).toEqual({
      counts: 1,
      reason: undefined,
      stopped: false,
    })
  })

  test.each([
    ['bytes', { bytes: 641 * MIB, files: 1 }, 'the workspace holds 0.6 GiB; it may hold 0.6 GiB'],
    ['files', { bytes: 1, files: 6_500 }, 'the workspace holds 6500 files; it may hold 6400'],
  ])('is stopped when its workspace has too many %s', async (what, workspace, reason) => {
    const disk = new Disk()
    const watch = disk.watch('/w')
    await disk.seen()
    disk.workspace = workspace
    disk.takes({ [what]: workspace[what as keyof Usage] })
    await vi.waitFor(() => expect(watch.stop.aborted).toBe(true))
    watch.end()
    expect(watch.reason).toBe(reason)
  })

  test('is stopped when it takes the machine’s last space, and not when others had taken it before', async () => {
    const disk = new Disk()
    disk.free = { bytes: 400 * MIB, files: 1_000_000 }
    const watch = disk.watch('/w')
    await disk.seen()
    expect(watch.reason).toBeUndefined()
    disk.takes({ bytes: 6 * MIB })
    await vi.waitFor(() => expect(watch.reason).toBe('the disk of this machine has only 0.4 GiB left'))
    watch.end()
  })

  test('whose files hide from the count is judged by all that is gone from the disk', async () => {
    const disk = new Disk()
    const watch = disk.watch('/w')
    await disk.seen()
    disk.workspace = undefined
    disk.takes({ bytes: 700 * MIB })
    await vi.waitFor(() => expect(watch.stop.aborted).toBe(true))
    watch.end()
  })
})

describe('a workspace', () => {
  test('that grows a little with each command is counted all the same', async () => {
    const disk = new Disk()
    for (let command = 0; command < 4; command++) {
      const watch = disk.watch('/w')
      await disk.seen()
      disk.takes({ bytes: 6 * MIB })
      await disk.seen()
      watch.end()
    }
    expect(disk.counts).toBe(1)
  })

  test('that grows while others make room is counted all the same', async () => {
    const disk = new Disk()
    const watch = disk.watch('/w')
    await disk.seen()
    disk.takes({ bytes: -1 * GIB })
    await disk.seen()
    disk.takes({ bytes: 25 * MIB })
    await disk.seen()
    watch.end()
    expect(disk.counts).toBe(1)
  })

  test('that is full may be cleared up, and grow no further', async () => {
    const disk = new Disk()
    const first = disk.watch('/w')
    await disk.seen()
    disk.workspace = { bytes: 700 * MIB, files: 1 }
    disk.takes({ bytes: 700 * MIB })
    await vi.waitFor(() => expect(first.stop.aborted).toBe(true))
    first.end()
    const clearing = disk.watch('/w')
    disk.takes({ bytes: 4 * MIB })
    await disk.seen()
    expect(clearing.reason).toBeUndefined()
    clearing.end()
    const growing = disk.watch('/w')
    await disk.seen()
    disk.workspace = { bytes: 730 * MIB, files: 1 }
    disk.takes({ bytes: 30 * MIB })
    await vi.waitFor(() => expect(growing.stop.aborted).toBe(true))
    growing.end()
  })

  test('that is taken away meanwhile stops nothing', async () => {
    const watch = createDiskWatches({
      limit: LIMIT,
      intervalMs: 5,
      free: () => Promise.reject(new Error('ENOENT')),
      count: () => Promise.reject(new Error('never asked')),
    })('/gone')
    await pause(30)
    watch.end()
    expect(watch.reason).toBeUndefined()
  })
})
