import { join } from 'node:path'
import type { Config } from './config.ts'

/** Where things are below DATA_DIR. */
export const paths = ({ DATA_DIR }: Pick<Config, 'DATA_DIR'>) => ({
  adminKey: join(DATA_DIR, 'admin.key'),
  receiptKey: join(DATA_DIR, 'receipt.key'),
  callbackSecret: join(DATA_DIR, 'callback.secret'),
  repositories: join(DATA_DIR, 'repositories'),
  builders: join(DATA_DIR, 'builders'),
  bubblewrap: join(DATA_DIR, 'bubblewrap'),
  temporal: join(DATA_DIR, 'temporal'),
  postgres: join(DATA_DIR, 'postgres'),
  logs: join(DATA_DIR, 'logs'),
  audit: join(DATA_DIR, 'logs', 'boundary.ndjson'),
})
