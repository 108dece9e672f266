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
