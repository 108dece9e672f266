import { describe, expect, it } from 'vitest'
import { COMMANDS, firstWord, readCommand } from '../../../domain/chat/command.ts'

describe('a command', () => {
  it.each(Object.keys(COMMANDS))('/%s is known, in any case and with what follows it', (name) => {
    expect(readCommand(`/${name}`)).toEqual({ name, said: name, rest: '' })
    expect(readCommand(` /${name.toUpperCase()}  a b\nc `)).toMatchObject({ name, rest: 'a b\nc' })
  })

  it('may name the bot it is for', () => {
    expect(readCommand('/status@our_bot task-1', 'our_bot')).toMatchObject({ name: 'status', rest: 'task-1' })
    expect(readCommand('/status@Our_Bot', 'our_bot')).toMatchObject({ name: 'status' })
    expect(readCommand('/status@our_bot')).toMatchObject({ name: 'status' })
  })

  it('of another bot is none of ours', () => {
    expect(readCommand('/status@other_bot', 'our_bot')).toBeUndefined()
  })

  it('that nobody knows is a command all the same', () => {
    expect(readCommand('/frobnicate now')).toEqual({ name: undefined, said: 'frobnicate', rest: 'now' })
    expect(readCommand('/constructor')).toMatchObject({ name: undefined })
  })

  it.each(['fix /etc/hosts', '/etc/hosts is wrong', '/', '//', '/ new', 'new', '/123'])('is not: %s', (text) => {
    expect(readCommand(text)).toBeUndefined()
  })

  it('fits into what a channel lists of it', () => {
    for (const [name, { form, does }] of Object.entries(COMMANDS)) {
      expect(name).toMatch(/^[a-z]{1,32}$/)
      expect(`${form}: ${does}`.length).toBeLessThanOrEqual(256)
    }
  })
})

it('the first word is what stands before any white space', () => {
  expect([firstWord(' a  b c'), firstWord('a\nb'), firstWord('')]).toEqual([
    ['a', 'b c'],
    ['a', 'b'],
    ['', ''],
  ])
})
