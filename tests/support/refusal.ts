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
