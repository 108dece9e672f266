import type { FaultName } from '../faults.ts'
import type { PlannedStrike } from '../plan.ts'
import type { Stage } from '../stage.ts'
import type { KeyRotation } from './key-rotation.ts'
import { cutLink, partLink, slowLink } from './links.ts'
import { freezeBuilder, freezeGateway, replaceGateway, signalBuilder } from './processes.ts'
import { failModel, pauseTask, troubleGit } from './requests.ts'
import type { Hit } from './victim.ts'

/** Does what a strike says; resolves when what was broken works again. */
export function strikeAt(stage: Stage, strike: PlannedStrike, keys: KeyRotation): Promise<Hit> | Hit {
  const { links, temporal, postgres } = stage
  const down = async (service: typeof temporal | typeof postgres, signal: NodeJS.Signals): Promise<Hit> => {
    const victim = `process ${service.running.pid}`
    await service.strike(signal, strike.forMs)
    return { victim }
  }
  const strikes: Readonly<Record<FaultName, () => Promise<Hit> | Hit>> = {
    'builder-kill': () => signalBuilder(stage, strike, 'SIGKILL'),
    'builder-drain': () => signalBuilder(stage, strike, 'SIGTERM'),
    'builder-freeze': () => freezeBuilder(stage, strike),
    'gateway-kill': () => replaceGateway(stage, 'SIGKILL'),
    'gateway-restart': () => replaceGateway(stage, 'SIGTERM'),
    'gateway-freeze': () => freezeGateway(stage, strike),
    'temporal-kill': () => down(temporal, 'SIGKILL'),
    'postgres-kill': () => down(postgres, 'SIGKILL'),
    'postgres-stop': () => down(postgres, 'SIGQUIT'),
    'model-overloaded': () => failModel(stage, strike, 'overloaded'),
    'model-rate-limited': () => failModel(stage, strike, 'rate-limited'),
    'model-internal': () => failModel(stage, strike, 'internal'),
    'model-reset': () => failModel(stage, strike, 'reset'),
    'model-cut': () => failModel(stage, strike, 'cut'),
    'model-stream-error': () => failModel(stage, strike, 'stream-error'),
    'model-malformed': () => failModel(stage, strike, 'malformed-call'),
    'model-hang': () => failModel(stage, { ...strike, times: 1 }, 'hang'),
    'model-slow': () => slowLink(links.model, strike),
    'temporal-cut': () => cutLink(links.temporal),
    'temporal-slow': () => slowLink(links.temporal, strike),
    'temporal-partition': () => partLink(links.temporal, strike, 'both'),
    'temporal-one-way': () => partLink(links.temporal, strike, 'one'),
    'postgres-cut': () => cutLink(links.postgres),
    'postgres-slow': () => slowLink(links.postgres, strike),
    'postgres-partition': () => partLink(links.postgres, strike, 'both'),
    'postgres-one-way': () => partLink(links.postgres, strike, 'one'),
    'git-cut-after-accept': () => troubleGit(stage, strike, 'cut-after-accept'),
    'git-hang': () => troubleGit(stage, strike, 'hang'),
    'task-pause': () => pauseTask(stage, strike),
    'key-rotation': () => keys.rotate(),
  }
  return strikes[strike.fault]()
}
