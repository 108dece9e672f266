import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { treeOf } from '../bench/process-tree.ts'

const LOOK_EVERY_MS = 20

/** A control group (version 2) of one program: what it starts belongs to it, whatever it is called and whoever adopts it. */
export class ControlGroup {
  private constructor(private readonly folder: string) {}

  /** Beside the group of this process; undefined where it may make none. */
  static create(name: string): ControlGroup | undefined {
    const [, point] = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/mounts', 'utf8')) ?? []
    const [, own] = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8')) ?? []
    if (point === undefined || own === undefined) return undefined
    const folder = join(point, dirname(own), name)
    try {
      mkdirSync(folder)
      return new ControlGroup(folder)
    } catch {
      return undefined
    }
  }

  /** Takes a program that has just been started, with what it has started itself. */
  adopt(root: number): void {
    for (const { pid } of treeOf(root))
      try {
        this.write('cgroup.procs', pid)
      } catch {
        // It has ended since it was seen.
      }
  }

  get pids(): readonly number[] {
    return this.read('cgroup.procs').split('\n').filter(Boolean).map(Number)
  }

  /** Ends what is left in it, and removes it. */
  async remove(): Promise<void> {
    this.write('cgroup.kill', 1)
    // What is ending is no longer listed, and still there.
    while (this.read('cgroup.events').includes('populated 1')) await delay(LOOK_EVERY_MS)
    rmdirSync(this.folder)
  }

  private read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  private write(file: string, value: number): void {
    writeFileSync(join(this.folder, file), String(value))
  }
}
