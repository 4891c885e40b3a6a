// What AsyncAPI's own parser says of each file, as JSON: lists of {severity, message, path}; 0 is an error, 1 a warning.
const { readFileSync } = require('node:fs')
const { createRequire } = require('node:module')

const here = createRequire(`${process.cwd()}/`)
const { Parser } = here('@asyncapi/parser')
const { AvroSchemaParser } = here('@asyncapi/avro-schema-parser')

async function main (paths) {
  const parser = new Parser()
  parser.registerSchemaParser(AvroSchemaParser())
  const found = []
  for (const path of paths) {
    const { document, diagnostics } = await parser.parse(readFileSync(path, 'utf8'))
    const said = diagnostics.map(({ severity, message, path }) => ({ severity, message, path: path.join('/') }))
    const channels = document ? document.channels().all().map(channel => channel.address()) : null
    found.push({ diagnostics: said, channels })
  }
  console.log(JSON.stringify(found))
}

main(process.argv.slice(2))
