import { hasModelCredential, type Config } from '../adapters/config.ts'
import { readKnownRepositories } from '../adapters/git/known-repositories.ts'
import { readPolicyRules } from '../adapters/policy/policy-file.ts'
import { claimDirectory } from '../adapters/processes/data-directory.ts'
import { holderOf, isFree } from '../adapters/processes/ports.ts'
import { GatewayError } from '../domain/errors.ts'
import { startServices } from '../workers/embedded-services.ts'
import { startGateway, type GatewayOptions, type RunningGateway } from '../workers/gateway.ts'

/** A gateway of this process with everything it started. */
export type LocalGateway = RunningGateway & { readonly temporalUiUrl: string | undefined }

/**
 * Starts a whole gateway on a data directory: services, Manager, Builders, API. Throws `already_running`,
 * `port_in_use`, `temporal_not_found`, `postgres_not_found`; what was started until then is stopped.
 */
export async function runGateway(
  options: { readonly config: Config } & Pick<GatewayOptions, 'environment' | 'sample' | 'report'>,
): Promise<LocalGateway> {
  const { config, report } = options
  const directory = await claimDirectory(config.DATA_DIR)
  const undo: (() => Promise<void>)[] = [() => directory.release()]
  const stop = async () => {
    for (const step of undo.toReversed()) await step()
  }
  try {
    if (config.PORT !== 0 && !(await isFree(config.PORT, config.HOST))) throw portInUse(config.PORT)
    // Its faults are the operator's to correct: said before anything is started.
    await readKnownRepositories(config.REPOSITORIES_FILE)
    await readPolicyRules(config.POLICY_FILE)
    const services = await startServices({ config, directory, report })
    undo.push(() => services.stop())
    const { temporalUiUrl } = services
    const gateway = await startGateway({ ...options, config: services.config, temporalUiUrl })
    undo.push(() => gateway.stop())
    await directory.publish({
      url: gateway.url,
      temporalAddress: services.config.TEMPORAL_ADDRESS,
      temporalNamespace: config.TEMPORAL_NAMESPACE,
      hasModelCredential: hasModelCredential(config),
      ...(temporalUiUrl !== undefined && { temporalUiUrl }),
    })
    return { ...gateway, temporalUiUrl, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function portInUse(port: number): GatewayError {
  const holder = holderOf(port)
  return new GatewayError(
    'port_in_use',
    `The port ${port} is in use${holder === undefined ? '' : ` by ${holder}`}. Stop that, or set PORT to another one.`,
  )
}

/** Resolves at the first SIGINT or SIGTERM. */
export function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve())
  })
}
