import { composeJsonSchema, writeWhole } from '@lookalike/pipeline'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { DEFAULTS } from '../defaults.js'
import { openProject } from '../open-project.js'

export const schema = defineCommand({
  name: 'schema',
  args: {
    out: { type: 'string', alias: 'o', valueHint: 'file', description: 'Where to write it. Default: stdout.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike schema --out lookalike.schema.json', 'for "$schema": "./lookalike.schema.json" in JSON'],
    ['# yaml-language-server: $schema=./lookalike.schema.json', 'the first line of a YAML config'],
  ],
  takesOverrides: false,
  async run(args, { output }) {
    const registry = await (await openProject(args)).registry()
    const composed = composeJsonSchema(registry, DEFAULTS)
    if (args.out === undefined) {
      output.result(composed)
      output.print(JSON.stringify(composed, null, 2))
      return
    }
    await writeWhole(args.out, `${JSON.stringify(composed, null, 2)}\n`)
    output.result({ file: args.out })
    output.print(`Wrote ${args.out}.`)
  },
})
