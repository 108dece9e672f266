import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { runBuilderTool } from '../../activities/tools/run-builder-tool.ts'
import type { ToolResult } from '../../activities/tools/tool-result.ts'
import type { Sandbox } from '../../domain/ports/sandbox.ts'
import { bubblewrap } from './programs.ts'
import { userGit } from './upstream.ts'

/** The Builder's tools on a workspace of the test's own. */
export interface Tools {
  /** The workspace behind another boundary. */
  placeIn(boundary: Sandbox): () => Promise<{ readonly sandbox: Sandbox; readonly directory: string }>
  readonly workspace: string
  /** Calls a tool as the model does. */
  call(name: string, args: unknown): Promise<ToolResult>
  /** What the model is told: `output`, or `error` behind that word. */
  told(name: string, args: unknown): Promise<string>
  write(path: string, content: string | Uint8Array): void
  read(path: string): string
  bytes(path: string): Buffer
}

/** A fresh workspace for every test, a git repository as a Builder's is. */
export function useTools(create: () => Promise<Sandbox> = bubblewrap): Tools {
  let sandbox: Sandbox
  const tools = { workspace: '' }
  beforeEach(async () => {
    sandbox = await create()
    tools.workspace = mkdtempSync(join(tmpdir(), 'ocg-tools-'))
    userGit(tools.workspace, 'init', '--quiet', '--template=')
  })
  afterEach(() => rmSync(tools.workspace, { recursive: true, force: true }))
  const placeIn = (boundary: Sandbox) => () => Promise.resolve({ sandbox: boundary, directory: tools.workspace })
  const call = (name: string, args: unknown) =>
    runBuilderTool({
      call: { name, args: args as Record<string, unknown> },
      workspace: placeIn(sandbox),
      signal: new AbortController().signal,
    })
  return Object.assign(tools, {
    call,
    placeIn,
    async told(name: string, args: unknown) {
      const { response } = await call(name, args)
      return 'error' in response ? `error: ${String(response['error'])}` : String(response['output'])
    },
    write(path: string, content: string | Uint8Array) {
      mkdirSync(dirname(join(tools.workspace, path)), { recursive: true })
      writeFileSync(join(tools.workspace, path), content)
    },
    read: (path: string) => readFileSync(join(tools.workspace, path), 'utf8'),
    bytes: (path: string) => readFileSync(join(tools.workspace, path)),
  })
}
