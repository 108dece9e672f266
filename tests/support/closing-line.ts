import type { Reporter, TestModule } from 'vitest/node'

/** Ends every run with one plain line that people and machines read: `N passed, N failed`. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state))
    const count = (state: string) => states.filter((other) => other === state).length
    // A file that cannot be loaded has no tests to fail; it counts as one.
    const broken = modules.filter((module) => module.errors().length > 0).length
    const failed = count('failed') + broken + unhandled.length
    const skipped = count('skipped') + count('pending')
    // After the summary of the other reporters.
    process.once('exit', () =>
      console.log(`${count('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`),
    )
  }
}
