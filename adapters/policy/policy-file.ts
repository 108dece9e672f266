import { readFile } from 'node:fs/promises'
import { parse } from 'smol-toml'
import { GatewayError } from '../../domain/errors.ts'
import type { PolicyRule } from '../../domain/policy.ts'
import { policyFileSchema } from '../../domain/schemas/policy-file.ts'

/**
 * Reads `POLICY_FILE`, rules in the TOML grammar of gemini-cli's policy engine; none without one. Throws
 * `configuration_invalid` with every fault and its place: half a policy is no policy.
 */
export async function readPolicyRules(file: string | undefined): Promise<readonly PolicyRule[]> {
  if (file === undefined) return []
  const parsed = policyFileSchema.safeParse(await readToml(file))
  if (parsed.success) return parsed.data
  throw invalid(
    file,
    parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'}: ${message}`),
  )
}

async function readToml(file: string): Promise<unknown> {
  try {
    return parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw invalid(file, [error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)])
  }
}

const invalid = (file: string, faults: readonly string[]): GatewayError =>
  new GatewayError(
    'configuration_invalid',
    `POLICY_FILE ${file} is not usable. Correct it and start again:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  )
