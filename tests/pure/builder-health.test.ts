import { describe, expect, it } from 'vitest'
import { type BuilderCheck, faultOf, restartPauseMs, START_LIMIT_MS } from '../../domain/builder-health.ts'

const all = { temporal: true, database: true }
const well = { polling: true, reached: all }
const check = (change: Partial<BuilderCheck>) =>
  faultOf({ stage: 'working', ageMs: 1_000, answer: well, reached: all, ...change })
const noTemporal = { ...all, temporal: false }
const noDatabase = { ...all, database: false }

describe('a builder is replaced', () => {
  it.each<[string, Partial<BuilderCheck>]>([
    ['it does not answer', { answer: undefined }],
    ['it does not answer', { answer: undefined, stage: 'draining' }],
    ['it does not poll', { answer: { ...well, polling: false } }],
    ['it did not become ready', { stage: 'starting', answer: undefined, ageMs: START_LIMIT_MS + 1 }],
  ])('because %s: %o', (reason, change) => expect(check(change)).toEqual({ reason, isCertain: true }))

  it.each([
    ['it cannot reach Temporal', noTemporal],
    ['it cannot reach PostgreSQL', noDatabase],
  ])('because %s, at the second check in a row', (reason, reached) => {
    const answer = { ...well, reached }
    expect(check({ answer })).toEqual({ reason, isCertain: false })
    expect(check({ answer, before: 'it cannot reach the moon' })).toEqual({ reason, isCertain: false })
    expect(check({ answer, before: reason })).toEqual({ reason, isCertain: true })
  })
})

describe('a builder is left alone', () => {
  it.each<[string, Partial<BuilderCheck>]>([
    ['while all is well', {}],
    ['as soon as all is well again', { before: 'it cannot reach Temporal' }],
    ['while it starts', { stage: 'starting', answer: undefined, ageMs: START_LIMIT_MS }],
    ['while it drains and so polls no more', { stage: 'draining', answer: { ...well, polling: false } }],
    [
      'when nobody reaches Temporal: another would not either',
      { answer: { ...well, reached: noTemporal }, reached: noTemporal, before: 'it cannot reach Temporal' },
    ],
    [
      'when nobody reaches PostgreSQL',
      { answer: { ...well, reached: noDatabase }, reached: noDatabase, before: 'it cannot reach PostgreSQL' },
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
