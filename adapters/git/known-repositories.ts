import { readFile } from 'node:fs/promises'
import { GatewayError } from '../../domain/errors.ts'
import { knownRepositoriesSchema, type KnownRepository } from '../../domain/schemas/known-repositories.ts'

/** Reads `REPOSITORIES_FILE`; throws `configuration_invalid` with every fault and its place. */
export async function readKnownRepositories(file: string | undefined): Promise<readonly KnownRepository[]> {
  if (file === undefined) return []
  const parsed = knownRepositoriesSchema.safeParse(await readJson(file))
  const faults = parsed.success
    ? doubles(parsed.data)
    : parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`)
  if (!parsed.success || faults.length > 0) throw invalid(file, faults)
  return parsed.data
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw invalid(file, [error instanceof Error ? error.message : String(error)])
  }
}

function doubles(repositories: readonly KnownRepository[]): readonly string[] {
  const names = repositories.map(({ name }) => name)
  return names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${name}: stands twice`)
}

const invalid = (file: string, faults: readonly string[]): GatewayError =>
  new GatewayError(
    'configuration_invalid',
    `REPOSITORIES_FILE ${file} is not usable. Correct it and start again:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  )
