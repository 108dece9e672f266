import { describe, expect, it } from 'vitest'
import { type BuilderCheck, faultOf, START_LIMIT_MS } from '../../domain/builder-health.ts'

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
