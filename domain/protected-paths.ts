/**
 * Where tests conventionally live. When a requester gives acceptance commands but says nothing about protected paths,
 * files that stood there before are put back before verification; new ones may be added. An empty list turns it off.
 */
export const CONVENTIONAL_TEST_PATHS: readonly string[] = [
  '**/test/**',
  '**/tests/**',
  '**/__tests__/**',
  '**/spec/**',
  '**/*.test.*',
  '**/*.spec.*',
  '**/*_test.*',
  '**/*-test.*',
  '**/test_*.py',
  '**/conftest.py',
]

/** Files that runners and interpreters load from the folders they work in, whether a check names them or not. */
export const HELPER_NAMES: readonly string[] = [
  'conftest.py',
  'pytest.ini',
  '.pytest.ini',
  'sitecustomize.py',
  'usercustomize.py',
  '.npmrc',
  '.mocharc.js',
  '.mocharc.cjs',
  '.mocharc.mjs',
  '.mocharc.json',
  '.mocharc.jsonc',
  '.mocharc.yaml',
  '.mocharc.yml',
  '.rspec',
]

/**
 * What changes the meaning of a check although no check names it. Where tests are protected these are, too: put back,
 * and removed when they were added.
 */
export const HELPER_PATHS: readonly string[] = [
  ...HELPER_NAMES.map((name) => `**/${name}`),
  // They stand before the runner's own module, the usual makefile, the programs on the path.
  'pytest.py',
  'unittest.py',
  '{_pytest,pytest,unittest}/__init__.py',
  'GNUmakefile',
  '**/node_modules/**',
  '**/.cargo/config{,.toml}',
  // With it git writes other bytes than the commit holds: a script with foreign line ends may ignore its own `set -e`.
  '**/.gitattributes',
]
