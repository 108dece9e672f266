// Compiles the entry points and the workflows into `dist/`: npm does it after an installation (`prepare`) and before
// the tests. Nothing needs it: what is missing or older than its sources is compiled while it is loaded.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'esbuild'
import { compiledOf, DIST, isFresh, MANIFEST, nameOf, ROOT } from './compiled.mjs'

const ENTRIES = [
  'cli/main.ts',
  'workers/builder.ts',
  'workers/bundle-workflows.ts',
  'simulators/forge/main.ts',
  'simulators/gemini/main.ts',
  'simulators/telegram/main.ts',
  'simulators/whatsapp/main.ts',
  'bench/main.ts',
  'bench/bare/manager.ts',
  'bench/bare/builder.ts',
  'bench/bare/job.ts',
  'chaos/main.ts',
  'chaos/crash-points/main.ts',
]

/** A module finds what lies beside it (migrations, scripts, entry points) where its source is. */
const sourceUrls = {
  name: 'source-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      if (!text.includes('import.meta.url')) return undefined
      const source = `new URL(${JSON.stringify(relative(DIST, path))}, import.meta.url).href`
      return { contents: text.replaceAll('import.meta.url', source), loader: 'ts' }
    })
  },
}

async function compile() {
  const begun = Date.now()
  rmSync(DIST, { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES.map((entry) => ({ in: entry, out: nameOf(entry) })),
    outdir: DIST,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    ...{ bundle: true, splitting: true, packages: 'external', keepNames: true, metafile: true },
    ...{ format: 'esm', platform: 'node', target: 'node20.19', logLevel: 'warning' },
    plugins: [sourceUrls],
  })
  mkdirSync(DIST, { recursive: true })
  writeFileSync(
    MANIFEST,
    JSON.stringify({ builtAt: begun, inputs: ['package-lock.json', ...Object.keys(metafile.inputs)] }),
  )
  execFileSync(process.execPath, [compiledOf(join(ROOT, 'workers/bundle-workflows.ts'))], { stdio: 'inherit' })
}

if (!isFresh()) await compile()
