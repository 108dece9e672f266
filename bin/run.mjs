#!/usr/bin/env node
// Starts a TypeScript entry point: `node bin/run.mjs workers/builder.ts [arguments]`. Compiled beforehand it starts in
// half the time; without that it is compiled while it is loaded, with no cache outside DATA_DIR.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compiledOf } from './compiled.mjs'

const [entry] = process.argv.splice(2, 1)
process.argv[1] = resolve(entry)
const compiled = compiledOf(process.argv[1])
if (compiled === undefined) {
  process.env.TSX_DISABLE_CACHE ??= '1'
  const { register } = await import('tsx/esm/api')
  register()
}
await import(pathToFileURL(compiled ?? process.argv[1]).href)
