/** Which room may import which at run time (docs/architecture.md). Type-only imports are free: they vanish. */
const rooms = {
  domain: [],
  workflows: ['domain'],
  adapters: ['domain'],
  activities: ['domain'],
  api: ['domain', 'adapters', 'workflows/messages'],
  workers: ['domain', 'adapters', 'activities', 'workflows', 'api'],
  simulators: [],
  fixtures: ['simulators'],
  cli: ['domain', 'adapters', 'workers', 'simulators', 'fixtures'],
}
const names = Object.keys(rooms)

const ruleOf = ([room, allowed]) => ({
  name: `${room} imports only what it may`,
  severity: 'error',
  from: { path: `^${room}/` },
  to: {
    path: `^(${names.join('|')}|tests|bench|chaos)/`,
    pathNot: [room, ...allowed].map((other) => `^${other}(/|\\.)`),
    dependencyTypesNot: ['type-only'],
  },
})

export default {
  forbidden: [
    ...Object.entries(rooms).map(ruleOf),
    {
      name: 'no run-time cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'domain is pure',
      severity: 'error',
      from: { path: '^domain/', pathNot: '^domain/schemas/' },
      to: { dependencyTypes: ['npm', 'core'] },
    },
    {
      name: 'only domain/schemas knows zod, and nothing else',
      severity: 'error',
      from: { path: '^domain/schemas/' },
      to: { dependencyTypes: ['npm', 'core'], pathNot: 'node_modules/zod' },
    },
    {
      name: 'workflows never load schemas, Node or libraries',
      severity: 'error',
      from: { path: '^workflows/' },
      to: {
        path: '^domain/schemas/|node_modules/(?!@temporalio/(workflow|common))|^node:',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workflows import no Node module',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'adapters do not reach into one another',
      severity: 'error',
      from: { path: '^adapters/([^/]+)/' },
      to: {
        path: '^adapters/([^/]+)/',
        pathNot: '^adapters/($1|network|processes)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'only a command that starts a gateway loads workers',
      severity: 'error',
      from: { path: '^cli/', pathNot: '^cli/(run-gateway|demonstration)' },
      to: { path: '^workers/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no unresolvable imports',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'product code needs no development dependency',
      severity: 'error',
      from: { path: `^(${names.join('|')})/` },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(node_modules|\\.cache|fixtures/tasks)' },
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    reporterOptions: {
      archi: { collapsePattern: '^(domain|workflows|adapters|activities|api|workers|simulators|fixtures|cli)/' },
      mermaid: { minify: false },
    },
  },
}
