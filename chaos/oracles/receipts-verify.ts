import { verifyReceipt } from '../../adapters/receipts/verify-receipt.ts'
import type { EndedTask, Observations } from '../observations.ts'
import type { Oracle } from './oracle.ts'

/** Every completed task has a proof that anybody can check. */
export const receiptsVerify: Oracle = {
  name: 'receipts-verify',
  promise: 'each completed task has a receipt with a valid signature for its commit',
  violations: (seen) =>
    seen.ended.filter(({ state }) => state === 'completed').flatMap((task) => faultOf(task, seen) ?? []),
}

function faultOf({ id, receipt, commit }: EndedTask, { receiptKeys }: Observations): string | undefined {
  if (receipt === undefined) return `${id} has no receipt`
  try {
    const evidence = verifyReceipt(Buffer.from(receipt), receiptKeys)
    const fits = evidence.taskId === id && evidence.commit === commit && evidence.verdict === 'passed'
    return fits ? undefined : `${id}: the receipt is for ${evidence.taskId} ${evidence.commit} ${evidence.verdict}`
  } catch (error) {
    return `${id}: ${error instanceof Error ? error.message : String(error)}`
  }
}
