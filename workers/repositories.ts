import type { Config } from '../adapters/config.ts'
import { readKnownRepositories } from '../adapters/git/known-repositories.ts'
import { createRepositoryPolicy } from '../adapters/git/repository-policy.ts'
import type { RepositoryCheck } from '../api/dependencies.ts'

/** What a git host needs to know of the operator's repositories. */
export async function repositoryRules(config: Config) {
  return {
    repositories: await readKnownRepositories(config.REPOSITORIES_FILE),
    fileRoots: config.REPOSITORY_FILE_ROOTS,
  }
}

/** Checks a task's repository before it is accepted and gives the checks the operator set for it. */
export async function createRepositoryCheck(config: Config): Promise<RepositoryCheck> {
  const policy = createRepositoryPolicy(await repositoryRules(config))
  return (repository) => {
    const { known } = policy.resolve(repository)
    return { acceptance: known?.acceptance, protectedPaths: known?.protectedPaths }
  }
}
