import { type JsonSchema, KINDS, type Kind, LookalikeError, nearestName } from '@lookalike/core'
import { commonArgs, configArgs, defineCommand } from '../command.js'
import { openProject } from '../open-project.js'
import { renderTable } from '../terminal/render-table.js'

export const plugins = defineCommand({
  name: 'plugins',
  args: {
    kind: { type: 'positional', required: false, description: `One of ${KINDS.join(', ')}.` },
    name: { type: 'positional', required: false, description: 'A plugin, to see its options.' },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike plugins', 'everything that a config can name'],
    ['lookalike plugins loss', 'the losses'],
    ['lookalike plugins loss proxy-anchor', 'the options of one'],
  ],
  takesOverrides: false,
  async run(args, { output }) {
    const kind = args.kind === undefined ? undefined : checkKind(args.kind)
    const registry = await (await openProject(args)).registry()
    if (kind !== undefined && args.name !== undefined) {
      const plugin = registry.get(kind, args.name)
      const schema = plugin.options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema
      output.result({
        kind,
        name: plugin.name,
        description: plugin.description,
        ...registry.origin(kind, plugin.name),
        options: schema,
      })
      output.print(`${plugin.name} (${kind}): ${plugin.description}`)
      output.print()
      output.print(optionsTable(schema))
      return
    }
    const found = registry.list(kind)
    output.result(
      found.map(({ plugin, origin }) => ({
        kind: plugin.kind,
        name: plugin.name,
        description: plugin.description,
        ...origin,
      })),
    )
    output.print(
      renderTable(
        ['kind', 'name', 'package', 'what it is'],
        found.map(({ plugin, origin }) => [
          plugin.kind,
          plugin.name,
          `${origin.package}${origin.version ? ` ${origin.version}` : ''}`,
          plugin.description,
        ]),
      ),
    )
  },
})

function checkKind(given: string): Kind {
  if ((KINDS as readonly string[]).includes(given)) return given as Kind
  const near = nearestName(given, KINDS)
  throw new LookalikeError('cli/unknown-kind', {
    problem: `There is no kind of plugin "${given}"`,
    expected: KINDS.join(', '),
    fix: near && `Did you mean "${near}"?`,
  })
}

function optionsTable(schema: JsonSchema): string {
  const properties = Object.entries(schema.properties ?? {})
  if (properties.length === 0) return 'It has no options.'
  const required = (schema.required ?? []) as readonly string[]
  return renderTable(
    ['option', 'type', 'default', 'meaning'],
    properties.map(([name, option]) => [
      name,
      typeText(option),
      option.default === undefined ? (required.includes(name) ? '(required)' : '') : JSON.stringify(option.default),
      String(option.description ?? ''),
    ]),
  )
}

function typeText(schema: JsonSchema): string {
  if (schema.lookalikeKind) return schema.lookalikeKind
  if (schema.enum) return schema.enum.map(String).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map(typeText).join(' | ')
  if (schema.type === 'array') return schema.items ? `${typeText(schema.items)}[]` : 'array'
  return typeof schema.type === 'string' ? schema.type : (schema.type?.join(' | ') ?? 'any')
}
