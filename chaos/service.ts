import { setTimeout as delay } from 'node:timers/promises'
import { kill } from '../adapters/processes/kill.ts'
import type { ControlGroup } from './control-group.ts'

interface Running {
  readonly pid: number
  readonly ended: Promise<void>
  stop(): Promise<void>
}

/** A database whose processes are still ending refuses the next start. */
const START_TRIES = 40
const BETWEEN_TRIES_MS = 500

/** A service beside the gateway that a run may kill and start again, on the same port and data. */
export class Service<Started extends Running = Running> {
  private constructor(
    private readonly begin: () => Promise<Started>,
    private current: Started,
  ) {}

  static async start<Started extends Running>(
    begin: () => Promise<Started>,
    group: ControlGroup | undefined,
  ): Promise<Service<Started>> {
    const grouped = async () => {
      const started = await begin()
      group?.adopt(started.pid)
      return started
    }
    return new Service(grouped, await grouped())
  }

  get running(): Started {
    return this.current
  }

  /** Ends it without any warning, keeps it down, starts it again. */
  async strike(signal: NodeJS.Signals, downMs: number): Promise<void> {
    const { pid, ended } = this.current
    kill(-pid, signal)
    await ended
    await delay(downMs)
    for (let tries = 1; ; tries++) {
      try {
        this.current = await this.begin()
        return
      } catch (error) {
        if (tries === START_TRIES) throw error
        await delay(BETWEEN_TRIES_MS)
      }
    }
  }

  stop(): Promise<void> {
    return this.current.stop()
  }
}
