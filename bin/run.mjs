#!/usr/bin/env node
// Starts a TypeScript entry point: `node bin/run.mjs workers/builder.ts [arguments]`. No build step, no cache outside DATA_DIR.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

process.env.TSX_DISABLE_CACHE ??= '1'
const { register } = await import('tsx/esm/api')
register()
const [entry] = process.argv.splice(2, 1)
process.argv[1] = resolve(entry)
await import(pathToFileURL(process.argv[1]).href)
