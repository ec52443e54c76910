/**
 * Make src/api/openapi.ts from the server's own OpenAPI document, so that the console's types can't drift from it.
 * `node scripts/wire.mjs` writes it; with `--check` it only says whether it is current.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'

const source = new URL('../../../docs/openapi.json', import.meta.url)
const target = new URL('../src/api/openapi.ts', import.meta.url)

/** A schema as a TypeScript type; throws on what this server has not used so far. */
function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').pop()
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' | ')
  if ('const' in schema) return literal(schema.const)
  if (schema.enum) return schema.enum.map(literal).join(' | ')
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type
    case 'integer':
    case 'number':
      return 'number'
    case 'array': {
      const item = typeOf(schema.items)
      return item.includes(' ') ? `(${item})[]` : `${item}[]`
    }
    case 'object':
      if (schema.properties) throw new Error('an object inside another needs a name of its own')
      return typeof schema.additionalProperties === 'object'
        ? `Record<string, ${typeOf(schema.additionalProperties)}>`
        : 'Record<string, unknown>'
  }
  throw new Error(`no type for ${JSON.stringify(schema)}`)
}

const literal = (value) => (typeof value === 'string' ? `'${value}'` : String(value))

function interfaceOf(name, schema) {
  const required = new Set(schema.required ?? [])
  const fields = Object.entries(schema.properties ?? {}).map(([field, of]) => {
    const comment = of.description ? `  /** ${of.description} */\n` : ''
    return `${comment}  ${field}${required.has(field) ? '' : '?'}: ${typeOf(of)}\n`
  })
  const comment = schema.description ? `/** ${schema.description.replace(/\s+/g, ' ')} */\n` : ''
  return `${comment}export interface ${name} {\n${fields.join('')}}\n`
}

const { components } = JSON.parse(readFileSync(source, 'utf8'))
const head = '/** Made by scripts/wire.mjs from docs/openapi.json: change the server and make it anew, not this. */\n'
const text = [head, ...Object.entries(components.schemas).map((entry) => interfaceOf(...entry))].join('\n')

if (!process.argv.includes('--check')) writeFileSync(target, text)
else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/api/openapi.ts is not what docs/openapi.json says: run `npm run wire`')
  process.exit(1)
}
