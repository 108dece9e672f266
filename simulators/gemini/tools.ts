import { invalidArgument } from './errors.ts'
import { schemaProblems } from './json-schema.ts'
import { declarationsOf, type FunctionDeclaration, type GenerateContentBody, type OpenApiSchema } from './request.ts'
import type { Signer } from './signatures.ts'

const MAX_DECLARATIONS = 512
const FUNCTION_NAME = /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/

/** The lines of the service's validator about tools. */
export function toolProblems(body: GenerateContentBody): string[] {
  return (body.tools ?? []).flatMap((tool, index) => {
    const path = `GenerateContentRequest.tools[${index}]`
    const { functionDeclarations, ...others } = tool
    if (!functionDeclarations?.length && Object.keys(others).length === 0)
      return [`* ${path}.tool_type: required one_of 'tool_type' must have one initialized field`]
    return (functionDeclarations ?? []).flatMap((declaration, position) =>
      declarationProblems(declaration, `${path}.function_declarations[${position}]`),
    )
  })
}

function declarationProblems(declaration: FunctionDeclaration, path: string): string[] {
  const { name, parameters, parametersJsonSchema, responseJsonSchema } = declaration
  const problems: string[] = []
  if (!FUNCTION_NAME.test(name ?? ''))
    problems.push(
      `* ${path}.name: Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:) or dashes (-), with a maximum length of 128.`,
    )
  if (parameters && parametersJsonSchema !== undefined)
    problems.push(`* ${path}: parameters and parameters_json_schema must not both be set.`)
  if (declaration.response && responseJsonSchema !== undefined)
    problems.push(`* ${path}: response and response_json_schema must not both be set.`)
  if (parameters) problems.push(...openApiProblems(parameters, `${path}.parameters`))
  for (const [field, schema] of [
    ['parameters_json_schema', parametersJsonSchema],
    ['response_json_schema', responseJsonSchema],
  ] as const)
    if (schema !== undefined)
      problems.push(...schemaProblems(schema, `${path}.${field}`, 'parameters').map((problem) => `* ${problem}.`))
  if (parametersJsonSchema !== undefined && !describesObject(parametersJsonSchema))
    problems.push(`* ${path}.parameters_json_schema: must describe an object.`)
  return problems
}

const describesObject = (schema: unknown): boolean =>
  typeof schema === 'object' && schema !== null && (schema as { type?: unknown }).type === 'object'

/** The rules for OpenAPI schemas: lists say of what, objects with which properties, required names exist. */
export function openApiProblems(schema: OpenApiSchema, path: string): string[] {
  const problems: string[] = []
  if (schema.type?.toUpperCase() === 'ARRAY' && !schema.items) problems.push(`* ${path}.items: missing field.`)
  if (schema.type?.toUpperCase() === 'OBJECT' && Object.keys(schema.properties ?? {}).length === 0)
    problems.push(`* ${path}.properties: should be non-empty for OBJECT type`)
  schema.required?.forEach((name, index) => {
    if (!Object.hasOwn(schema.properties ?? {}, name))
      problems.push(`* ${path}.required[${index}]: property is not defined`)
  })
  if (schema.items) problems.push(...openApiProblems(schema.items, `${path}.items`))
  schema.anyOf?.forEach((choice, index) => problems.push(...openApiProblems(choice, `${path}.any_of[${index}]`)))
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    problems.push(...openApiProblems(property, `${path}.properties[${name}]`))
  return problems
}

/** The rules about the set of declarations, the calling mode and the calls of the history. Throws the first breach. */
export function checkTools(body: GenerateContentBody, signer: Signer): void {
  const names = declarationsOf(body).map(({ name }) => name)
  if (names.length > MAX_DECLARATIONS)
    throw invalidArgument(
      `The number of function declarations must not exceed ${MAX_DECLARATIONS}.`,
      `${names.length} declarations`,
    )
  const doubled = names.find((name, index) => names.indexOf(name) !== index)
  if (doubled !== undefined) throw invalidArgument(`Duplicate function declaration found: ${doubled}`)
  checkCallingConfig(body, new Set(names))
  checkCalledFunctions(body, { declared: new Set(names), signer })
}

function checkCallingConfig(body: GenerateContentBody, declared: ReadonlySet<string>): void {
  const config = body.toolConfig?.functionCallingConfig
  if (!config) return
  if (declared.size === 0) throw invalidArgument('Function calling config is set without function_declarations.')
  const { mode, allowedFunctionNames = [] } = config
  if (allowedFunctionNames.length > 0 && mode !== 'ANY' && mode !== 'VALIDATED')
    throw invalidArgument('Allowed function names can be set only when the function calling mode is ANY or VALIDATED.')
  const unknown = allowedFunctionNames.find((name) => !declared.has(name))
  if (unknown !== undefined)
    throw invalidArgument(`Allowed function name \`${unknown}\` is not among the function declarations.`)
}

/**
 * A call the model made up itself may stay in the history: only a declaration the client dropped from among others is
 * missed. Without any declaration a history is just something to read, to sum it up for example.
 */
function checkCalledFunctions(
  body: GenerateContentBody,
  { declared, signer }: { declared: ReadonlySet<string>; signer: Signer },
): void {
  if (declared.size === 0) return
  for (const [index, content] of body.contents.entries()) {
    const calls = content.parts.flatMap((part) => part.functionCall ?? [])
    for (const [ordinal, { id = '', name = '' }] of calls.entries())
      if (!declared.has(name) && !signer.wasUndeclared({ id, name, ordinal }))
        throw invalidArgument(
          `Function call \`default_api:${name}\` has no matching function declaration.`,
          `contents[${index}]`,
        )
  }
}
