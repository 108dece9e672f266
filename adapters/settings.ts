import { z } from 'zod'

/** Kinds of settings, as variables of the environment hold them. */

const DURATION = /^(\d+)(ms|s|m|h|d)$/
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A timer that is set to more goes off at once. */
const MAX_DURATION_MS = 24 * UNIT_MS.d

/** `30s`, `10m` … in milliseconds. */
export const duration = (fallback: string) =>
  z
    .string()
    .regex(DURATION, 'is not a duration such as 30s or 10m')
    .default(fallback)
    .transform((text) => {
      const [, count, unit] = DURATION.exec(text) as unknown as [string, string, keyof typeof UNIT_MS]
      return Number(count) * UNIT_MS[unit]
    })
    .refine((ms) => ms >= 1 && ms <= MAX_DURATION_MS, 'is not between 1ms and 24d')
export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  )
const DESTINATION = /^(\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(:[1-9]\d{0,4})?$/
/** `none` is the empty list: a variable that is set to nothing counts as not set. */
export const destinations = (fallback: readonly string[]) =>
  list
    .transform((entries) => (entries.length === 0 ? fallback : entries.filter((entry) => entry !== 'none')))
    .refine(
      (entries) => entries.every((entry) => DESTINATION.test(entry)),
      'holds an entry that is not host, host:port or *.domain',
    )

/** Plain digits: nothing at all would be 0 to `Number`. */
const whole = z.string().trim().regex(/^\d+$/, 'is not a whole number').transform(Number)
export const port = (fallback: number) => whole.pipe(z.number().max(65_535)).default(fallback)
export const count = (fallback: number) => whole.pipe(z.number().min(1).max(1_000)).default(fallback)
export const text = z.string().min(1).optional()
export const address = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !/\/\/[^/?#]*@/.test(text), 'holds a credential, which no client would send')
export const url = address.optional()
export const withoutSlash = (text: string): string => text.replace(/\/+$/, '')
export const base = (fallback: string) => address.default(fallback).transform(withoutSlash)
