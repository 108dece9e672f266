import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { execFileSync } from 'node:child_process'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** The rooms whose code is the product. Simulators, fixtures and bench stand on neither side. */
export const PRODUCT_ROOMS = ['domain', 'workflows', 'activities', 'adapters', 'workers', 'api', 'cli'] as const

export interface SourceFile {
  readonly path: string
  /** Every line of the file. */
  readonly lines: number
  /** Lines that are neither blank nor comment. */
  readonly codeLines: number
  readonly tree: ts.SourceFile
}

/** The TypeScript files git knows below some folders. */
export function sourceFiles(folders: readonly string[]): readonly SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--', ...folders], { cwd: ROOT, encoding: 'utf8' })
  return listed
    .split('\0')
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => read(path))
}

function read(path: string): SourceFile {
  const text = readFileSync(`${ROOT}${path}`, 'utf8')
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  return { path, tree, lines: text.trimEnd().split('\n').length, codeLines: codeLinesOf(tree) }
}

/** Lines on which a token stands: what is left without blanks and comments. */
function codeLinesOf(tree: ts.SourceFile): number {
  const lines = new Set<number>()
  const visit = (node: ts.Node): void => {
    if (node.getChildCount(tree) > 0) return node.getChildren(tree).forEach(visit)
    if (ts.isJSDoc(node) || node.kind === ts.SyntaxKind.EndOfFileToken) return
    const first = tree.getLineAndCharacterOfPosition(node.getStart(tree, false)).line
    const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line
    for (let line = first; line <= last; line++) lines.add(line)
  }
  visit(tree)
  return lines.size
}

/** Every node of a file that fits. */
export function nodesOf<Found extends ts.Node>(
  { tree }: SourceFile,
  fits: (node: ts.Node) => node is Found,
): readonly Found[] {
  const found: Found[] = []
  const visit = (node: ts.Node): void => {
    if (fits(node)) found.push(node)
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

/** How many lines a node spans. */
export function linesSpanned(node: ts.Node): number {
  const tree = node.getSourceFile()
  const { line: first } = tree.getLineAndCharacterOfPosition(node.getStart(tree))
  const { line: last } = tree.getLineAndCharacterOfPosition(node.getEnd())
  return last - first + 1
}
