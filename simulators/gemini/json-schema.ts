/** A JSON Schema object, after {@link schemaProblems} found nothing. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** Which words a schema may use: the service's own list for answers, all of JSON Schema for a function's parameters. */
export type Vocabulary = 'answer' | 'parameters'

/** The list of the service's documentation for `responseJsonSchema`. */
const ANSWER_WORDS = new Set(
  '$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum maximum anyOf oneOf properties additionalProperties required propertyOrdering'.split(
    ' ',
  ),
)
/** Ignored by the model, yet accepted: schemas of MCP servers are full of them. */
const PARAMETER_WORDS = new Set([
  ...ANSWER_WORDS,
  ...'$schema $comment $dynamicRef $dynamicAnchor $vocabulary definitions default examples const pattern minLength maxLength exclusiveMinimum exclusiveMaximum multipleOf uniqueItems contains minContains maxContains minProperties maxProperties patternProperties propertyNames dependentRequired dependentSchemas dependencies allOf not if then else additionalItems unevaluatedItems unevaluatedProperties nullable readOnly writeOnly deprecated contentEncoding contentMediaType contentSchema'.split(
    ' ',
  ),
])
const TYPES = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'])

/** What a word's value must be, and where in it schemas are. */
type Content = 'schema' | 'schema list' | 'schema map' | 'list' | 'items' | 'type'

const wordsWith = (content: Content, words: string): [string, Content][] =>
  words.split(' ').map((word) => [word, content])
const CONTENT_OF_WORD: ReadonlyMap<string, Content> = new Map([
  ...wordsWith('type', 'type'),
  ...wordsWith('items', 'items'),
  ...wordsWith('list', 'required enum propertyOrdering'),
  ...wordsWith('schema', 'additionalProperties additionalItems not if then else contains propertyNames'),
  ...wordsWith('schema list', 'anyOf oneOf allOf prefixItems'),
  ...wordsWith('schema map', 'properties $defs definitions patternProperties dependentSchemas'),
])

/** What is wrong with a JSON Schema, each as `path: why`; empty when the service would take it. */
export function schemaProblems(schema: unknown, path: string, vocabulary: Vocabulary): string[] {
  const check: Check = { vocabulary, words: vocabulary === 'answer' ? ANSWER_WORDS : PARAMETER_WORDS, problems: [] }
  checkSchema(check, schema, path)
  return check.problems
}

interface Check {
  readonly vocabulary: Vocabulary
  readonly words: ReadonlySet<string>
  readonly problems: string[]
}

function checkSchema(check: Check, schema: unknown, path: string): void {
  if (typeof schema === 'boolean') return
  if (!isObject(schema)) return void check.problems.push(`${path}: must be a JSON Schema object`)
  for (const word in schema) {
    if (!check.words.has(word)) check.problems.push(`${path}: keyword "${word}" is not supported`)
    const content = CONTENT_OF_WORD.get(word)
    if (content && schema[word] !== undefined) checkWord(check, { content, value: schema[word], at: `${path}.${word}` })
  }
  if (check.vocabulary === 'answer') check.problems.push(...answerProblems(schema, path))
}

function checkWord(check: Check, { content, value, at }: { content: Content; value: unknown; at: string }): void {
  switch (content) {
    case 'type':
      if ([value].flat().some((type) => typeof type !== 'string' || !TYPES.has(type.toLowerCase())))
        check.problems.push(`${at}: unknown type ${JSON.stringify(value)}`)
      return
    case 'schema':
      return checkSchema(check, value, at)
    case 'schema map':
      if (!isObject(value)) return void check.problems.push(`${at}: must be an object`)
      for (const name in value) checkSchema(check, value[name], `${at}[${name}]`)
      return
    case 'items':
      if (!Array.isArray(value)) return checkSchema(check, value, at)
      return value.forEach((child, index) => checkSchema(check, child, `${at}[${index}]`))
    case 'list':
    case 'schema list':
      if (!Array.isArray(value)) return void check.problems.push(`${at}: must be a list`)
      if (content === 'schema list') value.forEach((child, index) => checkSchema(check, child, `${at}[${index}]`))
  }
}

/** The answer is built from `properties` alone, so a name that is not there could never be filled in. */
function answerProblems(schema: JsonSchema, path: string): string[] {
  const { required, properties, $ref } = schema
  const problems: string[] = []
  if (Array.isArray(required) && isObject(properties))
    for (const name of required)
      if (typeof name !== 'string' || !Object.hasOwn(properties, name))
        problems.push(`${path}.required: property ${JSON.stringify(name)} is not defined`)
  if ($ref !== undefined && Object.keys(schema).some((word) => !word.startsWith('$')))
    problems.push(`${path}: no other field may be set beside "$ref", except those starting with "$"`)
  return problems
}

/**
 * A value that fits the schema. What `given` says is taken as it is; of the rest, required properties are made up, and
 * optional ones only in a schema that requires nothing: an invented optional answer would change what the caller does.
 */
export function fillSchema(schema: unknown, given?: unknown): unknown {
  return isObject(schema) ? fill({ schema, root: schema, name: 'value', depth: 0 }, given) : (given ?? {})
}

interface Position {
  readonly schema: JsonSchema
  readonly root: JsonSchema
  readonly name: string
  readonly depth: number
}

/** A schema may contain itself; deeper than this nobody reads. */
const MAX_DEPTH = 8

function fill(position: Position, given: unknown): unknown {
  const schema = resolve(position)
  if (typeOf(schema) !== 'object' || (given !== undefined && !isObject(given)))
    return given ?? inventValue({ ...position, schema })
  const properties = isObject(schema.properties) ? schema.properties : {}
  const required = Array.isArray(schema.required) ? (schema.required as string[]) : Object.keys(properties)
  const filled: Record<string, unknown> = {}
  for (const [name, child] of Object.entries(properties)) {
    const known = given && Object.hasOwn(given, name) ? given[name] : undefined
    if (!isObject(child) || (known === undefined && !required.includes(name))) continue
    if (position.depth < MAX_DEPTH)
      filled[name] = fill({ ...position, schema: child, name, depth: position.depth + 1 }, known)
  }
  return { ...filled, ...extraFields(given, properties) }
}

/** A script may say more than the schema asks for: models do. */
const extraFields = (given: unknown, properties: JsonSchema): Record<string, unknown> =>
  isObject(given) ? Object.fromEntries(Object.entries(given).filter(([name]) => !Object.hasOwn(properties, name))) : {}

function resolve({ schema, root }: Position): JsonSchema {
  const reference =
    typeof schema.$ref === 'string' ? /^#\/(?:\$defs|definitions)\/(.+)$/.exec(schema.$ref)?.[1] : undefined
  const definitions = root.$defs ?? root.definitions
  const target = reference !== undefined && isObject(definitions) ? definitions[reference] : undefined
  const chosen = [schema.anyOf, schema.oneOf].flatMap((choices) =>
    Array.isArray(choices) ? (choices as unknown[]) : [],
  )
  return [target, ...chosen].find(isObject) ?? schema
}

function inventValue({ schema, root, name, depth }: Position): unknown {
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0]
  switch (typeOf(schema)) {
    case 'integer':
    case 'number':
      return inventNumber(schema)
    case 'boolean':
      return false
    case 'null':
      return null
    case 'array': {
      const item = isObject(schema.items) && depth < MAX_DEPTH ? schema.items : undefined
      const length = item ? Number(schema.minItems ?? 0) : 0
      return Array.from({ length }, () => fill({ schema: item ?? {}, root, name, depth: depth + 1 }, undefined))
    }
    case 'string':
      return inventString(schema, name)
    default:
      return {}
  }
}

/** The middle of the allowed range: neither most nor least urgent, cheap nor dear. */
function inventNumber(schema: JsonSchema): number {
  const { minimum, maximum } = schema
  if (typeof minimum === 'number' && typeof maximum === 'number') return Math.round((minimum + maximum) / 2)
  if (typeof minimum === 'number') return minimum
  return typeof maximum === 'number' ? Math.min(1, maximum) : 1
}

const inventString = (schema: JsonSchema, name: string): string => {
  if (schema.format === 'date-time') return '2026-01-01T00:00:00Z'
  if (schema.format === 'date') return '2026-01-01'
  if (schema.format === 'time') return '00:00:00Z'
  return `A made-up ${name}`
}

/** The schema's (first real) type in lower case; object when only `properties` tell. */
function typeOf(schema: JsonSchema): string | undefined {
  const types = [schema.type ?? []].flat().map((type) => (type as string).toLowerCase())
  return types.find((type) => type !== 'null') ?? types[0] ?? (schema.properties === undefined ? undefined : 'object')
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
