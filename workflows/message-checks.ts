import { ApplicationFailure } from '@temporalio/common'
import type { ApprovalDecision, SteeringText } from './messages.ts'

/**
 * What an update must be before it enters the history: operators send them by hand (`temporal workflow update`), and
 * what is wrong is refused at once with what to send instead.
 */
type Given = Readonly<Record<string, unknown>>

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== ''
const isOptionalText = (value: unknown): boolean => value === undefined || typeof value === 'string'

function check(given: unknown, form: string, fits: (fields: Given) => boolean): void {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  if (isObject && fits(given as Given)) return
  throw ApplicationFailure.create({
    type: 'invalid_request',
    message: `The update does not have its form. Send ${form}.`,
    nonRetryable: true,
  })
}

export function checkDecision(given: ApprovalDecision): void {
  check(given, '{"approvalId":"approval-…","comment":"…"}', ({ approvalId, comment, by }) => {
    return isText(approvalId) && isOptionalText(comment) && isOptionalText(by)
  })
}

export function checkPriority(given: { readonly priority: number }): void {
  check(given, '{"priority":1}, from 1 (first) to 5', ({ priority }) => [1, 2, 3, 4, 5].includes(priority as number))
}

export function checkBudget(given: { readonly budgetUsd: number }): void {
  check(given, '{"budgetUsd":5}, in US dollars', ({ budgetUsd }) => Number.isFinite(budgetUsd) && Number(budgetUsd) > 0)
}

export function checkText(given: SteeringText): void {
  check(given, '{"text":"…"}', ({ text, from, attachment }) => {
    return isText(text) && isOptionalText(from) && (attachment === undefined || Number.isSafeInteger(attachment))
  })
}
