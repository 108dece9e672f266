import { spawn, type ChildProcess } from 'node:child_process'
import { GatewayError } from '../../domain/errors.ts'

/** Sooner than the five seconds without a heartbeat after which a builder's seats move to another one. */
const SILENCE_S = 3
const BEAT_MS = 500
/** Who was silent for so long cannot know whether its commands were ended: a little sooner than they are. */
const STOOD_STILL_MS = SILENCE_S * 1_000 - 500

/** Reads beats and the groups that run; at silence, and at the end of its input, it ends these groups. */
const WATCH = `
groups=' '
while IFS= read -r -t ${SILENCE_S} line; do
  case $line in
    +*) groups+="\${line#+} " ;;
    -*) groups=\${groups/ \${line#-} / } ;;
  esac
done
for group in $groups; do kill -KILL -- "-$group"; done`

/** One command that ends when this process stands still. */
export interface Guard {
  /** Aborts when this process stood still: what became of the command is not known. */
  readonly signal: AbortSignal
  /** Tells of the command's process group. */
  started(group: number): void
  release(): void
}

/**
 * The dead man's pipe of this process: a process beside it holds the other end, hears from it twice a second and ends
 * the commands of a process that died, was stopped or hangs. Their seats have moved when it wakes up.
 */
class DeadMan {
  /** Commands that run, and their process groups once they have one. */
  private readonly commands = new Map<AbortController, number | undefined>()
  private watch: ChildProcess | undefined
  private beating: NodeJS.Timeout | undefined
  private lastBeat = performance.now()

  guard(): Guard {
    const standing = new AbortController()
    this.beat()
    this.commands.set(standing, undefined)
    return {
      signal: standing.signal,
      started: (group) => {
        this.commands.set(standing, group)
        this.tell(`+${group}`)
      },
      release: () => {
        this.beat()
        const group = this.commands.get(standing)
        this.commands.delete(standing)
        if (group !== undefined) this.tell(`-${group}`)
      },
    }
  }

  private beat(): void {
    const silence = performance.now() - this.lastBeat
    this.lastBeat = performance.now()
    if (this.watch && silence > STOOD_STILL_MS) this.stoodStill(silence)
    this.watch ??= this.startWatch()
    this.beating ??= setInterval(() => this.beat(), BEAT_MS).unref()
    this.tell('')
  }

  private stoodStill(silence: number): void {
    this.watch?.kill('SIGKILL')
    this.watch = undefined
    const message = `This builder stood still for ${(silence / 1_000).toFixed(1)} s; its commands were ended.`
    for (const standing of this.commands.keys()) standing.abort(new GatewayError('seat_lost', message))
    this.commands.clear()
  }

  private startWatch(): ChildProcess {
    // Out of this process's group, so that what stops the group does not stop it.
    const watch = spawn('bash', ['-c', WATCH], { detached: true, env: {}, stdio: ['pipe', 'ignore', 'ignore'] })
    // A host without bash has no watch; commands still end with their builder.
    watch.on('error', () => undefined)
    watch.stdin?.on('error', () => undefined)
    watch.on('exit', () => {
      if (this.watch === watch) this.watch = undefined
    })
    watch.unref()
    for (const group of this.commands.values()) if (group !== undefined) watch.stdin?.write(`+${group}\n`)
    return watch
  }

  private tell(line: string): void {
    this.watch?.stdin?.write(`${line}\n`)
  }
}

const deadMan = new DeadMan()

/** Guards a command that is about to start. */
export const guard = (): Guard => deadMan.guard()
