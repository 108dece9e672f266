import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { problemSchema } from './components.ts'
import type { Api } from './endpoint.ts'

const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OpenClaw Enterprise Gateway API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', deepLinking: true, persistAuthorization: false })\n`
/** Everything comes from this server; the page's own styles are inline. */
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

/** `/openapi.json` from the schemas the routes parse with, and `/docs`, which loads nothing from elsewhere. */
export function addDocumentation(api: Api): void {
  describe(api)
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const secure = { 'content-security-policy': POLICY }
  api.get('/openapi.json', (context) => context.json(documentOf(api)))
  api.get('/docs', (context) => context.html(PAGE, 200, secure))
  api.get('/docs/start.js', () => new Response(START, { headers: { 'content-type': 'text/javascript', ...secure } }))
  for (const [name, type] of Object.entries(ASSETS))
    api.get(`/docs/${name}`, async () => {
      const content = new Uint8Array(await readFile(join(folder, name)))
      return new Response(content, { headers: { 'content-type': type, 'cache-control': 'max-age=3600', ...secure } })
    })
}

function describe(api: Api): void {
  api.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key. The first one stands in DATA_DIR/admin.key.',
  })
  api.openAPIRegistry.register('Problem', problemSchema)
  api.openAPIRegistry.registerComponent('responses', 'Problem', {
    description: 'RFC 9457 problem: what happened, why, and what to do next.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  })
}

function documentOf(api: Api) {
  return api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'OpenClaw Enterprise Gateway',
      version: '1',
      description: 'Engineering tasks as durable workflows, verified before they are called done.',
    },
  })
}
