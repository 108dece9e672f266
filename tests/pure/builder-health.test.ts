import { describe, expect, it } from 'vitest'
import { type BuilderCheck, faultOf, restartPauseMs, START_LIMIT_MS } from '../../domain/builder-health.ts'

const well = { polling: true, reachesTemporal: true }
const check = (change: Partial<BuilderCheck>) =>
  faultOf({ stage: 'working', ageMs: 1_000, answer: well, serverAnswers: true, ...change })

describe('a builder is replaced', () => {
  it.each<[string, Partial<BuilderCheck>]>([
    ['it does not answer', { answer: undefined }],
    ['it does not answer', { answer: undefined, stage: 'draining' }],
    ['it does not poll', { answer: { ...well, polling: false } }],
    ['it cannot reach Temporal', { answer: { ...well, reachesTemporal: false } }],
    ['it did not become ready', { stage: 'starting', answer: undefined, ageMs: START_LIMIT_MS + 1 }],
  ])('because %s: %o', (fault, change) => expect(check(change)).toBe(fault))
})

describe('a builder is left alone', () => {
  it.each<[string, Partial<BuilderCheck>]>([
    ['while all is well', {}],
    ['while it starts', { stage: 'starting', answer: undefined, ageMs: START_LIMIT_MS }],
    ['while it drains and so polls no more', { stage: 'draining', answer: { ...well, polling: false } }],
    [
      'when nobody reaches Temporal: another would not either',
      { answer: { ...well, reachesTemporal: false }, serverAnswers: false },
    ],
  ])('%s', (_, change) => expect(check(change)).toBeUndefined())
})

describe('the pause before a successor', () => {
  it('is none after a builder that was healthy once, whatever its line has waited', () => {
    expect(restartPauseMs({ wasHealthy: true, pauseMs: 30_000 })).toBe(0)
  })

  it('doubles from half a second to half a minute while none of its line becomes healthy', () => {
    const pauses = [0]
    for (let times = 0; times < 8; times++)
      pauses.push(restartPauseMs({ wasHealthy: false, pauseMs: pauses.at(-1) ?? 0 }))
    expect(pauses.slice(1)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })
})
