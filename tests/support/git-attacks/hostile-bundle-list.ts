import type { Forged, HostileBundle, ObjectForge, RawEntry } from './hostile-bundles.ts'

const FILE = '100644'
const FOLDER = '40000'
const LINK = '120000'

/** A commit whose root holds, beside an honest file, what `entries` gives for a blob and a folder of one file. */
const rooted = (
  name: string,
  entries: (made: { readonly blob: string; readonly folder: string }) => readonly RawEntry[],
): HostileBundle => ({
  name,
  async forge(forge, base) {
    const blob = await forge.blob('[core]\n\tfsmonitor = false\n')
    const folder = await forge.tree([{ mode: FILE, name: 'config', id: blob }])
    return { commit: await forge.commit({ tree: await forge.tree(entries({ blob, folder })), parent: base }) }
  },
})

const folderNamed = (name: string, described: string): HostileBundle =>
  rooted(`a folder named ${described}`, ({ folder }) => [{ mode: FOLDER, name, id: folder }])

const NAMES: readonly HostileBundle[] = [
  folderNamed('.git', '.git'),
  folderNamed('.GIT', '.GIT'),
  folderNamed('.Git', '.Git'),
  folderNamed('git~1', 'git~1, short for .git on Windows'),
  folderNamed('.g\u200cit', '.git with an ignorable character'),
  folderNamed('.git ', '.git and a blank'),
  folderNamed('..', '..'),
  folderNamed('.', '.'),
  folderNamed('', 'nothing'),
  rooted('a file named .git', ({ blob }) => [{ mode: FILE, name: '.git', id: blob }]),
  rooted('a path in place of a name', ({ blob }) => [{ mode: FILE, name: '.git/hooks/pre-commit', id: blob }]),
  rooted('a symbolic link named .gitmodules', ({ blob }) => [{ mode: LINK, name: '.gitmodules', id: blob }]),
  {
    name: 'a .git deep below',
    async forge(forge, base) {
      const blob = await forge.blob('ref: refs/heads/x\n')
      let tree = await forge.tree([{ mode: FILE, name: '.git', id: blob }])
      for (const name of ['c', 'b', 'a']) tree = await forge.tree([{ mode: FOLDER, name, id: tree }])
      return { commit: await forge.commit({ tree, parent: base }) }
    },
  },
]

const TREES: readonly HostileBundle[] = [
  rooted('the same name twice', ({ blob, folder }) => [
    { mode: FILE, name: 'src', id: blob },
    { mode: FOLDER, name: 'src', id: folder },
  ]),
  rooted('names out of order', ({ blob }) => [
    { mode: FILE, name: 'b', id: blob },
    { mode: FILE, name: 'a', id: blob },
  ]),
  rooted('a mode with a leading zero', ({ folder }) => [{ mode: '040000', name: 'src', id: folder }]),
  rooted('an id of zeros', () => [{ mode: FILE, name: 'a', id: '0'.repeat(40) }]),
  {
    name: 'a tree that ends too early',
    forge: async (forge, base) => {
      const tree = await forge.object('tree', Buffer.from('100644 a\0short'))
      return { commit: await forge.commit({ tree, parent: base }) }
    },
  },
  {
    name: 'a file in place of the tree',
    forge: async (forge, base) => ({ commit: await forge.commit({ tree: await forge.blob('text'), parent: base }) }),
  },
  {
    name: 'a commit without an author',
    forge: async (forge, base) => ({
      commit: await forge.commit({ ...(await honestTree(forge)), parent: base, author: 'nobody' }),
    }),
  },
]

async function honestTree(forge: ObjectForge): Promise<{ readonly tree: string; readonly blob: string }> {
  const blob = await forge.blob('honest\n')
  return { tree: await forge.tree([{ mode: FILE, name: 'a.txt', id: blob }]), blob }
}

const submodule = (name: string, text: string): HostileBundle => ({
  name: `a .gitmodules with ${name}`,
  async forge(forge, base) {
    const tree = await forge.tree([{ mode: FILE, name: '.gitmodules', id: await forge.blob(text) }])
    return { commit: await forge.commit({ tree, parent: base }) }
  },
})

const SUBMODULES: readonly HostileBundle[] = [
  submodule('a command', '[submodule "x"]\n\tpath = x\n\turl = https://a.invalid/x\n\tupdate = !touch x\n'),
  submodule('an option as address', '[submodule "x"]\n\tpath = x\n\turl = -u./x\n'),
  submodule('an option as path', '[submodule "x"]\n\tpath = -x\n\turl = https://a.invalid/x\n'),
  submodule('a name that leaves .git/modules', '[submodule "../../x"]\n\tpath = x\n\turl = https://a.invalid/x\n'),
]

const CONTENT: readonly HostileBundle[] = [
  {
    name: 'another commit than announced',
    async forge(forge, base) {
      const { tree, blob } = await honestTree(forge)
      const other = await forge.tree([{ mode: FILE, name: 'b.txt', id: blob }])
      const commit = await forge.commit({ tree, parent: base })
      return { commit, head: await forge.commit({ tree: other, parent: base }), without: [commit] }
    },
  },
  {
    name: 'a file that is missing',
    async forge(forge, base) {
      const { tree, blob } = await honestTree(forge)
      return { commit: await forge.commit({ tree, parent: base }), without: [blob] }
    },
  },
  {
    name: 'a parent that is missing',
    async forge(forge, base) {
      const { tree } = await honestTree(forge)
      const parent = await forge.commit({ tree, parent: base })
      return { commit: await forge.commit({ tree, parent }), without: [parent] }
    },
  },
]

const TYPES: readonly HostileBundle[] = [
  {
    name: 'a file in place of the commit',
    forge: async (forge) => ({ commit: await forge.blob('text') }),
  },
  {
    name: 'a folder in place of the commit',
    forge: async (forge) => ({ commit: (await honestTree(forge)).tree }),
  },
]

const announced = '2222222222222222222222222222222222222222'
const raw = (name: string, bytes: (base: string) => string): HostileBundle => ({
  name,
  forge: async (_forge, base): Promise<Forged> => ({ commit: announced, bytes: Buffer.from(bytes(base)) }),
})

const BYTES: readonly HostileBundle[] = [
  raw('no bytes at all', () => ''),
  raw('no bundle', () => '#!/bin/sh\ntouch canary\n'),
  raw('a header without a pack', (base) => `# v2 git bundle\n-${base}\n${announced} refs/heads/snapshot\n\n`),
  raw('a pack that promises a billion objects', (base) => {
    const header = `# v2 git bundle\n-${base}\n${announced} refs/heads/snapshot\n\n`
    return `${header}PACK\0\0\0\x02\x3b\x1a\x1a\x00`
  }),
  raw(
    'a filter that allows objects to be missing',
    (base) => `# v3 git bundle\n@filter=blob:none\n-${base}\n${announced} refs/heads/snapshot\n\n`,
  ),
]

/** Bundles the host must not take in. */
export const HOSTILE_BUNDLES: readonly HostileBundle[] = [
  ...NAMES,
  ...TREES,
  ...SUBMODULES,
  ...CONTENT,
  ...TYPES,
  ...BYTES,
]
