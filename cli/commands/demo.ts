import type { Command } from 'commander'

/** `ocg demo`: one real engineering task from start to finish. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('do one engineering task on a sample repository and show it; needs no key')
    .option('--keep', 'leave the gateway running afterwards')
    .option('--json', 'print the task as JSON at the end')
    .action(async (options: { keep?: boolean }, command: Command) => {
      const { runDemo } = await import('../demonstration.ts')
      process.exitCode = (await runDemo(command, { keep: options.keep === true })) ? 0 : 1
    })
}
