import { expect, it } from 'vitest'
import { CHANNELS } from '../../adapters/channels.ts'
import { PRODUCT_ROOMS, sourceFiles } from '../support/source-files.ts'

const product = sourceFiles(PRODUCT_ROOMS)
/** Without comments. */
const isNamedIn = (name: string, text: string): boolean =>
  text
    .replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '')
    .toLowerCase()
    .includes(name)

it.each(CHANNELS.map(({ name }) => name))(
  '%s is its folder and its line in adapters/channels.ts, and nothing else',
  (name) => {
    const elsewhere = product.filter(({ path }) => !path.startsWith(`adapters/${name}/`))
    const naming = elsewhere.filter(({ tree }) => isNamedIn(name, tree.text)).map(({ path }) => path)
    expect(naming).toEqual(['adapters/channels.ts'])
  },
)
