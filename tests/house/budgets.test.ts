import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { linesSpanned, nodesOf, PRODUCT_ROOMS, sourceFiles, type SourceFile } from '../support/source-files.ts'

/** What the code may grow to; a number here is raised by a decision, not by a change that happens to need it. */
const product = sourceFiles(PRODUCT_ROOMS)
const tests = sourceFiles(['tests'])

const isFunction = (node: ts.Node): node is ts.FunctionLikeDeclaration =>
  (ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node)) &&
  node.body !== undefined
const isAny = (node: ts.Node): node is ts.KeywordTypeNode => node.kind === ts.SyntaxKind.AnyKeyword
const isEnvironment = (node: ts.Node): node is ts.PropertyAccessExpression =>
  ts.isPropertyAccessExpression(node) && node.getText() === 'process.env'
const isEnum = (node: ts.Node): node is ts.EnumDeclaration => ts.isEnumDeclaration(node)

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
const ascending = (one: number, other: number): number => one - other
const codeLines = (files: readonly SourceFile[]): number => sum(files.map((file) => file.codeLines))

describe('the size of the product', () => {
  const sizes = product.map(({ lines }) => lines).toSorted(ascending)

  it('is known: its files are found', () => {
    expect(product.length).toBeGreaterThan(100)
    for (const room of PRODUCT_ROOMS) expect(product.some(({ path }) => path.startsWith(`${room}/`))).toBe(true)
  })

  it('stays at a median of 100 lines a file, nine in ten below 300, none above 500', () => {
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(100)
    expect(sizes[Math.floor(sizes.length * 0.9)]).toBeLessThanOrEqual(300)
    expect(product.filter(({ lines }) => lines > 500).map(({ path }) => path)).toEqual([])
  })

  it('keeps functions of more than 50 lines to 3 in 100', () => {
    const functions = product.flatMap((file) => nodesOf(file, isFunction))
    const long = functions.filter((node) => linesSpanned(node) > 50)
    expect(functions.length).toBeGreaterThan(1_000)
    expect(long.length / functions.length).toBeLessThanOrEqual(0.03)
  })
})

describe('the types of the product', () => {
  it('are `any` at most once in 2,000 lines', () => {
    const any = product.flatMap((file) => nodesOf(file, isAny))
    expect(any.length / (codeLines(product) / 1_000)).toBeLessThanOrEqual(0.5)
  })

  it('have no enum', () => {
    expect(product.filter((file) => nodesOf(file, isEnum).length > 0).map(({ path }) => path)).toEqual([])
  })
})

it('the environment is read in one file', () => {
  const readers = product.filter((file) => nodesOf(file, isEnvironment).length > 0)
  expect(readers.map(({ path }) => path)).toEqual(['adapters/config.ts'])
})

it('signals are sent in one file, which refuses the numbers that stand for more than one process', () => {
  const isSignal = (node: ts.Node): node is ts.PropertyAccessExpression =>
    ts.isPropertyAccessExpression(node) && node.getText() === 'process.kill'
  const senders = sourceFiles(['.']).filter((file) => nodesOf(file, isSignal).length > 0)
  expect(senders.map(({ path }) => path)).toEqual(['adapters/processes/kill.ts'])
})

it('there are at least 1.2 lines of tests for a line of the product', () => {
  expect(codeLines(tests) / codeLines(product)).toBeGreaterThanOrEqual(1.2)
})
