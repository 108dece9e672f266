import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'
import { preparedBundle } from './workflow-bundle.ts'

/**
 * Writes the workflow bundle to the file named first, else to where it is looked for first. A process of its own: the
 * bundler's memory ends with it.
 */
const [file = await preparedBundle()] = process.argv.slice(2)
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
  logger: new DefaultLogger('ERROR'),
  // Stacks need the lines, not the text: without it a process that runs workflows is smaller by 19 MB.
  webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-source-map' }),
})
await writeFile(file, code)
process.exit(0)
