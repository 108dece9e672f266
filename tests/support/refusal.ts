import { GatewayError } from '../../domain/errors.ts'

/** The refusal of something that must be refused, with a code; anything else fails the test. */
export function refusal(refused: () => unknown): GatewayError {
  try {
    refused()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('Nothing was refused.')
}

/** As {@link refusal}, for what is refused later. */
export async function rejection(refused: Promise<unknown>): Promise<GatewayError> {
  const outcome = await refused.then(
    () => undefined,
    (error: unknown) => error,
  )
  return refusal(() => {
    if (outcome !== undefined) throw outcome as Error
  })
}
