import type { Oracle } from './oracle.ts'
import { historiesReplay } from './histories-replay.ts'
import { keysRevoked } from './keys-revoked.ts'
import { memoryLevel } from './memory-level.ts'
import { noTurnPaidTwice } from './no-turn-paid-twice.ts'
import { nothingLeft } from './nothing-left.ts'
import { nothingLost } from './nothing-lost.ts'
import { oneTaskPerKey } from './one-task-per-key.ts'
import { oneUpdatePerBranch } from './one-update-per-branch.ts'
import { patchesApply } from './patches-apply.ts'
import { protocolKept } from './protocol-kept.ts'
import { receiptsVerify } from './receipts-verify.ts'
import { recoversInTime } from './recovers-in-time.ts'
import { secretsKept } from './secrets-kept.ts'
import { soundEvents } from './sound-events.ts'
import { worthSomething } from './worth-something.ts'

/** All promises a run is judged by. */
export const ORACLES: readonly Oracle[] = [
  nothingLost,
  oneTaskPerKey,
  oneUpdatePerBranch,
  noTurnPaidTwice,
  soundEvents,
  receiptsVerify,
  patchesApply,
  protocolKept,
  keysRevoked,
  secretsKept,
  historiesReplay,
  nothingLeft,
  memoryLevel,
  recoversInTime,
  worthSomething,
]
