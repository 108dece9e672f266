// Draws which room imports which into docs/architecture.md: `node docs/draw-architecture.mjs`.
// With --check it writes nothing and exits 1 when the drawing there is no longer true.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { cruise } from 'dependency-cruiser'
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const PAGE = fileURLToPath(new URL('./architecture.md', import.meta.url))
const BEGIN = '<!-- drawn by docs/draw-architecture.mjs: begin -->'
const END = '<!-- drawn by docs/draw-architecture.mjs: end -->'

process.chdir(ROOT)
const page = await readFile(PAGE, 'utf8')
const drawn = withDrawing(page, mermaid(await importsOfRooms()))
if (drawn === page) console.log('docs/architecture.md: the graph is up to date')
else if (process.argv.includes('--check')) {
  console.error('docs/architecture.md: the graph is stale. Next: npm run docs:graph')
  process.exitCode = 1
} else {
  await writeFile(PAGE, drawn)
  console.log('docs/architecture.md: the graph was drawn again')
}

/** Every import from one room into another, as `from>to`, and whether it exists at run time. */
async function importsOfRooms() {
  const options = await extractOptions('./.dependency-cruiser.mjs')
  const rooms = roomsOf(options.ruleSet)
  const { output } = await cruise(rooms, { ...options, validate: false })
  const imports = new Map()
  for (const { source, dependencies } of output.modules)
    for (const { resolved, dependencyTypes } of dependencies) {
      const [from, to] = [source, resolved].map((path) => path.split('/')[0])
      if (from === to || !rooms.includes(from) || !rooms.includes(to)) continue
      const edge = `${from}>${to}`
      imports.set(edge, imports.get(edge) === true || !dependencyTypes.includes('type-only'))
    }
  return { rooms, imports }
}

/** The rooms in the order of their rules. */
function roomsOf({ forbidden }) {
  return forbidden.flatMap(({ name }) => /^(\w+) imports only what it may$/.exec(name)?.[1] ?? [])
}

function mermaid({ rooms, imports }) {
  const edges = [...imports].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const lines = edges.map(([edge, atRunTime]) => edge.replace('>', atRunTime ? ' --> ' : ' -.-> '))
  return ['```mermaid', 'flowchart TD', ...rooms.map((room) => `  ${room}`), ...lines.map((line) => `  ${line}`), '```']
}

function withDrawing(text, drawing) {
  const [before, rest] = text.split(BEGIN)
  const after = rest?.split(END)[1]
  if (after === undefined) throw new Error(`docs/architecture.md has lost the lines ${BEGIN} and ${END}`)
  return [before + BEGIN, '', ...drawing, '', END + after].join('\n')
}
