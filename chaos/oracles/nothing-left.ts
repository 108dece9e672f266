import type { Oracle } from './oracle.ts'

/** After the stop nothing of the gateway runs, nor did it ever end without being asked. */
export const nothingLeft: Oracle = {
  name: 'nothing-left',
  promise: 'no process outlives the gateway, no workflow stays open, the gateway ends only when asked, with code 0',
  violations: ({ leftProcesses, openWorkflows, unexpectedExits, exitCode }) => [
    ...leftProcesses.map((line) => `still runs: ${line}`),
    ...(openWorkflows === 0 ? [] : [`${openWorkflows} workflows are open`]),
    ...unexpectedExits.map((how) => `a gateway ended by itself: ${how}`),
    ...(exitCode === 0 ? [] : [`the last gateway ended with ${exitCode}`]),
  ],
}
