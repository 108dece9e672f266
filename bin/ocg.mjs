#!/usr/bin/env node
// The `ocg` command. Refuses an unsuitable Node before anything else is loaded.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `ocg needs Node 20.19 or newer; this is ${process.versions.node} (${process.execPath}). Next: install Node 20.19+ and run the command again.`,
  )
  process.exit(1)
}
process.argv.splice(2, 0, new URL('../cli/main.ts', import.meta.url).pathname)
await import('./run.mjs')
