import { describe, expect, it } from 'vitest'
import { costOf, priceOf } from '../../domain/prices.ts'

const usage = { inputTokens: 1_000_000, outputTokens: 100_000, thoughtTokens: 0, cachedTokens: 0 }

describe('the price table', () => {
  it('changes gemini-4-argon from $2 to $4 on 1 December 2026', () => {
    expect(priceOf('gemini-4-argon', '2026-11-30T23:59:59Z').input).toBe(2)
    expect(priceOf('gemini-4-argon', '2026-12-01T00:00:00Z').input).toBe(4)
  })

  it('prices a dated variant like its model', () => {
    expect(priceOf('gemini-3.5-flash-lite-001', '2026-11-24').input).toBe(0.3)
    expect(priceOf('gemini-3.5-flash-001', '2026-11-24').input).toBe(1.5)
  })

  it('never lets an unknown model look free', () => {
    expect(costOf({ model: 'somebody-elses', usage, at: '2026-11-24' })).toBeGreaterThan(0)
  })
})

describe('the cost of a call', () => {
  it('takes the long-prompt price above 200,000 tokens', () => {
    expect(costOf({ model: 'gemini-3.1-pro-preview', usage, at: '2026-11-24' })).toBeCloseTo(4 + 1.8, 9)
    const short = { ...usage, inputTokens: 100_000 }
    expect(costOf({ model: 'gemini-3.1-pro-preview', usage: short, at: '2026-11-24' })).toBeCloseTo(0.2 + 1.2, 9)
  })

  it('bills thinking as output and cached input at its own price', () => {
    const thinking = { inputTokens: 10_000, cachedTokens: 4_000, outputTokens: 1_000, thoughtTokens: 2_000 }
    const expected = (6_000 * 0.3 + 4_000 * 0.03 + 3_000 * 2.5) / 1_000_000
    expect(costOf({ model: 'gemini-3.5-flash-lite', usage: thinking, at: '2026-11-24' })).toBeCloseTo(expected, 12)
  })
})
