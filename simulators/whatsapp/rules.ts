import { invalidParameter, parameterInvalid, parameterMissing } from './graph-error.ts'

/** Throws the service's refusal when a value at a path of the request is not as it must be. */
export type Rule = (value: unknown, path: string) => void

export type Fields = Readonly<Record<string, Rule>>

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `text['body']`, as the service names places in a request. */
export const below = (path: string, key: string | number): string =>
  path === '' ? String(key) : typeof key === 'number' ? `${path}[${key}]` : `${path}['${key}']`

/** An object with all of `needs`, any of `may`, and nothing else. */
export function object(needs: Fields, may: Fields = {}): Rule {
  return (value, path) => {
    if (!isRecord(value)) throw invalidParameter(`Param ${path} must be a JSON object.`)
    for (const key of Object.keys(value))
      if (!Object.hasOwn(needs, key) && !Object.hasOwn(may, key))
        throw invalidParameter(`Unexpected key "${key}" on param "${path}".`)
    for (const [key, rule] of Object.entries(needs)) {
      if (value[key] === undefined) throw parameterMissing(`Parameter ${below(path, key)} is mandatory.`)
      rule(value[key], below(path, key))
    }
    for (const [key, rule] of Object.entries(may)) if (value[key] !== undefined) rule(value[key], below(path, key))
  }
}

/** A text that is not empty and at most so long, in characters. */
export function text(most: number, whenWrong?: string): Rule {
  return (value, path) => {
    if (typeof value !== 'string') throw invalidParameter(`Param ${path} must be a string.`)
    const { length } = value
    if (value.trim() !== '' && length <= most) return
    if (whenWrong !== undefined) throw parameterInvalid(`${whenWrong}. Min length: 1, Max length: ${most}`)
    throw invalidParameter(
      length > most
        ? `Param ${path} must be at most ${most} characters long.`
        : `Param ${path} must be at least 1 character long.`,
    )
  }
}

/** A list with so many entries; `called` names it in the refusal. */
export function list(entry: Rule, { least = 1, most, called }: { least?: number; most: number; called: string }): Rule {
  return (value, path) => {
    if (!Array.isArray(value)) throw invalidParameter(`Param ${path} must be an array.`)
    if (value.length < least || value.length > most)
      throw parameterInvalid(`Invalid ${called} count. Min allowed ${called}: ${least}, Max allowed ${called}: ${most}`)
    value.forEach((one, index) => entry(one, below(path, index)))
  }
}

export function oneOf(...allowed: readonly string[]): Rule {
  return (value, path) => {
    if (typeof value === 'string' && allowed.includes(value)) return
    throw invalidParameter(
      `Param ${path} must be one of {${allowed.join(', ').toUpperCase()}} - got "${String(value)}".`,
    )
  }
}

export const flag: Rule = (value, path) => {
  if (typeof value !== 'boolean') throw invalidParameter(`Param ${path} must be a boolean.`)
}

/** Anything: the simulator does not look into it. */
export const anything: Rule = () => undefined

/** Several rules for one value. */
export const all =
  (...rules: readonly Rule[]): Rule =>
  (value, path) => {
    for (const rule of rules) rule(value, path)
  }
