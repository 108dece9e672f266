import type { FieldViolation } from './errors.ts'
import type { Edition } from './request.ts'

/** A field that only one of the two fronts knows. */
interface EditionField {
  readonly only: Edition
  readonly shape: Shape
}

/** The JSON form of a message's fields. A function where a message contains itself. */
export type Fields = Readonly<Record<string, Shape | EditionField>>

/** What a value may look like in JSON, after the rules of protocol buffers. */
export type Shape =
  | { readonly kind: 'string' | 'bytes' | 'integer' | 'number' | 'boolean' }
  | { readonly kind: 'struct' | 'value' }
  | { readonly kind: 'enum'; readonly name: string; readonly values: ReadonlySet<string> }
  | { readonly kind: 'list' | 'map'; readonly of: Shape }
  | { readonly kind: 'message'; readonly fields: () => Fields }

export const string: Shape = { kind: 'string' }
/** Base64. Only its alphabet is looked at. */
export const bytes: Shape = { kind: 'bytes' }
export const integer: Shape = { kind: 'integer' }
export const number: Shape = { kind: 'number' }
export const boolean: Shape = { kind: 'boolean' }
/** Any JSON object. */
export const struct: Shape = { kind: 'struct' }
/** Any JSON value. */
export const value: Shape = { kind: 'value' }
export const list = (of: Shape): Shape => ({ kind: 'list', of })
export const map = (of: Shape): Shape => ({ kind: 'map', of })
export const message = (fields: Fields | (() => Fields)): Shape => ({
  kind: 'message',
  fields: typeof fields === 'function' ? fields : () => fields,
})
/** An enum by its full name and its values, one space between them. */
export const enumOf = (name: string, values: string): Shape => ({
  kind: 'enum',
  name,
  values: new Set(values.split(' ')),
})
export const onlyGemini = (shape: Shape): EditionField => ({ only: 'gemini', shape })
export const onlyVertex = (shape: Shape): EditionField => ({ only: 'vertex', shape })

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/
const INTEGER = /^-?\d+$/

/** Every place where a JSON value does not fit a shape, in the service's words; empty when it fits. */
export function shapeViolations(value: unknown, shape: Shape, edition: Edition): FieldViolation[] {
  const checker = new ShapeChecker(edition)
  checker.check(value, shape)
  return checker.violations
}

type Scalar = Exclude<Shape, { readonly kind: 'message' | 'list' | 'map' | 'struct' | 'value' }>

class ShapeChecker {
  readonly violations: FieldViolation[] = []
  private readonly path: (string | number)[] = []

  constructor(private readonly edition: Edition) {}

  check(value: unknown, shape: Shape): void {
    switch (shape.kind) {
      case 'message':
        return isObject(value) ? this.checkMessage(value, shape.fields()) : this.refuseContainer(value, 'message')
      case 'list':
        return Array.isArray(value) ? this.checkList(value, shape.of) : this.refuseValue(value, 'TYPE_MESSAGE')
      case 'map':
        return isObject(value) ? this.checkMap(value, shape.of) : this.refuseContainer(value, 'map')
      case 'struct':
        return isObject(value) ? undefined : this.refuseContainer(value, 'struct')
      case 'value':
        return
      default:
        return this.checkScalar(value, shape)
    }
  }

  private checkMessage(value: Record<string, unknown>, fields: Fields): void {
    for (const [name, entry] of Object.entries(value)) {
      const known = Object.hasOwn(fields, name) ? fields[name] : undefined
      const shape = known && 'only' in known ? (known.only === this.edition ? known.shape : undefined) : known
      if (shape) this.within(name, () => this.check(entry, shape))
      else this.refuse(`Invalid JSON payload received. Unknown name "${name}"${this.at()}: Cannot find field.`)
    }
  }

  private checkList(values: readonly unknown[], of: Shape): void {
    values.forEach((entry, index) => this.within(index, () => this.check(entry, of)))
  }

  /** A map's entries are a list of pairs to the transcoder, which is how it names them. */
  private checkMap(value: Record<string, unknown>, of: Shape): void {
    Object.values(value).forEach((entry, index) =>
      this.within(index, () => this.within('value', () => this.check(entry, of))),
    )
  }

  private checkScalar(value: unknown, shape: Scalar): void {
    switch (shape.kind) {
      case 'string':
        return typeof value === 'string' ? undefined : this.refuseValue(value, 'TYPE_STRING')
      case 'bytes':
        return typeof value === 'string' && BASE64.test(value) ? undefined : this.refuseBytes(value)
      case 'integer':
        return Number.isInteger(value) || (typeof value === 'string' && INTEGER.test(value))
          ? undefined
          : this.refuseValue(value, 'TYPE_INT32')
      case 'number':
        return typeof value === 'number' || (typeof value === 'string' && value !== '' && !isNaN(Number(value)))
          ? undefined
          : this.refuseValue(value, 'TYPE_DOUBLE')
      case 'boolean':
        return typeof value === 'boolean' ? undefined : this.refuseValue(value, 'TYPE_BOOL')
      case 'enum':
        return typeof value === 'string' && shape.values.has(value.toUpperCase())
          ? undefined
          : this.refuseValue(value, `type.googleapis.com/google.ai.generativelanguage.v1beta.${shape.name}`)
    }
  }

  private within(segment: string | number, run: () => void): void {
    this.path.push(segment)
    run()
    this.path.pop()
  }

  private refuseValue(value: unknown, type: string): void {
    if (Array.isArray(value) && this.path.length > 0) return this.refuseContainer(value, type)
    this.refuse(`Invalid value at '${this.where()}' (${type}), ${shown(value)}`)
  }

  private refuseBytes(value: unknown): void {
    if (typeof value !== 'string') return this.refuseValue(value, 'TYPE_BYTES')
    this.refuse(`Invalid value at '${this.where()}' (TYPE_BYTES), Base64 decoding failed for ${shown(value)}`)
  }

  /** A list where the message has one value; the service names the field apart from its parent here. */
  private refuseContainer(value: unknown, type: string): void {
    if (!Array.isArray(value)) return this.refuse(`Invalid value at '${this.where()}' (${type}), ${shown(value)}`)
    const name = this.path.pop()
    this.refuse(
      `Invalid JSON payload received. Unknown name "${name ?? ''}"${this.at()}: Proto field is not repeating, cannot start list.`,
    )
    if (name !== undefined) this.path.push(name)
  }

  private refuse(description: string): void {
    const field = this.where()
    this.violations.push(field === '' ? { description } : { field, description })
  }

  private at(): string {
    const where = this.where()
    return where === '' ? '' : ` at '${where}'`
  }

  /** `tools[0].function_declarations[1]`: the service speaks of fields by their original, snake case names. */
  private where(): string {
    return this.path
      .map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${snakeCase(segment)}`))
      .join('')
      .replace(/^\./, '')
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const shown = (value: unknown): string => JSON.stringify(value).slice(0, 200)

/** A field's name as protocol buffers spell it. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
