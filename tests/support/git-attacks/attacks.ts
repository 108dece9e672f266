import type { Attack } from './attack.ts'
import { CONFIGURATION_ATTACKS, DRIVER_ATTACKS } from './configuration-attacks.ts'
import { LAYOUT_ATTACKS } from './layout-attacks.ts'
import { REMOTE_ATTACKS } from './remote-attacks.ts'

/** Everything an agent is known to write into a workspace to make the host's git work for it. */
export const ATTACKS: readonly Attack[] = [...CONFIGURATION_ATTACKS, ...REMOTE_ATTACKS, ...LAYOUT_ATTACKS]

/** Those that wait for a git that writes into a workspace the agent had before. */
export const LEFTOVER_ATTACKS: readonly Attack[] = [...DRIVER_ATTACKS, ...LAYOUT_ATTACKS].filter(
  (attack) => attack.plainGit !== 'none',
)
