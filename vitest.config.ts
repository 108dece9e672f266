import { defineConfig } from 'vitest/config'

/** Suites by what they need; see tests/README.md. */
const suites = {
  /** Nothing but the code. */
  alone: ['tests/pure', 'tests/cli', 'tests/simulators', 'tests/fixtures', 'tests/chaos', 'tests/house'],
  /** The run's own PostgreSQL, and Temporal where a suite asks for it. */
  services: ['tests/contract', 'tests/builder', 'tests/server', 'tests/workflows', 'tests/replay'],
  /** A whole gateway with its processes. */
  gateway: ['tests/system'],
} as const

/** Two gateways keep two processors busy; everything else waits for a third of its time. */
const BUSY = { maxWorkers: 2, sequence: { groupOrder: 0 } }
const WAITING = { maxWorkers: 3, sequence: { groupOrder: 1 } }

export default defineConfig({
  test: {
    reporters: ['default', './tests/support/closing-line.ts'],
    projects: Object.entries(suites).map(([name, folders]) => ({
      test: {
        name,
        include: folders.map((folder) => `${folder}/**/*.test.ts`),
        testTimeout: 60_000,
        hookTimeout: 120_000,
        isolate: false,
        ...(name === 'gateway' ? BUSY : WAITING),
        ...(name !== 'alone' && { globalSetup: ['tests/support/services.ts'] }),
      },
    })),
  },
})
