/** What plain git, run by a host inside the workspace, suffers from an attack. */
export type Damage =
  /** It runs the agent's program as the host. */
  | 'executes'
  /** Its push lands in the attacker's repository. */
  | 'redirects'
  /** It publishes a file of the host that was never part of the workspace. */
  | 'leaks'
  /** Nothing by itself: the attack aims at careless code around git, or at its endurance. */
  | 'none'

/** One hostile thing an agent can write into its workspace. */
export interface Attack {
  /** Noun phrase, as in "delivers in spite of …". */
  readonly name: string
  /**
   * Bash, run from the workspace's root after {@link PRELUDE}. Variables: CANARY (file that must never appear),
   * WORKSPACE, UPSTREAM, ATTACKER (bare repository), VICTIM (repository of somebody else), VICTIM_COMMIT, VICTIM_FILES
   * (directory with secret.txt): all paths of the host.
   */
  readonly script: string
  readonly plainGit: Damage
  /** Whether the gateway may also refuse to deliver. Otherwise it must deliver the honest part. */
  readonly mayBeRefused?: boolean
}

/** The honest change every agent makes beside its attack, and the words the attacks are written in. */
export const PRELUDE = `
set -euo pipefail
printf 'export const answer = 42\\n' > src/answer.js
configure() { git config --file .git/config "$@"; }
# program PATH [LAST]: an executable that leaves the canary and, unless told otherwise, passes its input on.
program() {
  mkdir -p "$(dirname "$1")"
  printf '#!/bin/sh\\ntouch %s\\n%s\\n' "$CANARY" "\${2:-exec cat}" > "$1"
  chmod +x "$1"
}
evil="$WORKSPACE/.git/evil"
`
