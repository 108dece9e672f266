import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker'

let installed = false

/** Failures are what faults and tests are about; only the unexpected is worth a line. Once a process. */
export function installQuietRuntime(): void {
  if (installed) return
  installed = true
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' })
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter } } })
}
