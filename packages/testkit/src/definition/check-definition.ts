import { checkPlugin, isLookalikeError, type JsonSchema, type Plugin } from '@lookalike/core'
import { type Check, type Issue, runSuite, type Suite } from '../check.js'

const checks: readonly Check<{ readonly value: unknown }>[] = [
  {
    id: 'plugin/shape',
    claim: 'is a plugin of this spec version',
    async run({ value }, report) {
      try {
        checkPlugin(value, { package: 'this package' })
      } catch (error) {
        report(isLookalikeError(error) ? error.message : String(error))
      }
    },
  },
  {
    id: 'plugin/description',
    claim: 'has a description of one sentence',
    async run({ value }, report) {
      const { description } = value as Partial<Plugin>
      if (typeof description !== 'string' || !/^\S[^\n]*[.!?]$/.test(description))
        report(`description is ${JSON.stringify(description)}; expected: one sentence with its full stop`)
    },
  },
  {
    id: 'plugin/strict-options',
    claim: 'refuses options that it does not know',
    async run({ value }, report) {
      const result = await (value as Plugin).options['~standard'].validate({ 'no-such-option': 1 })
      if (!result.issues?.some((issue) => mentions(issue, 'no-such-option'))) {
        report('an unknown option was accepted; expected: a strict schema, such as z.strictObject')
      }
    },
  },
  {
    id: 'plugin/described-options',
    claim: 'describes each option',
    async run({ value }, report) {
      const schema = (value as Plugin).options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema
      for (const [name, property] of Object.entries(schema.properties ?? {})) {
        const target = property.$ref ? { ...schema.$defs?.[property.$ref.split('/').at(-1)!], ...property } : property
        if (typeof target['description'] !== 'string')
          report(`the option "${name}" has no description; expected: .describe('what it does, in which unit')`)
      }
    },
  },
]

const mentions = (issue: unknown, name: string) => JSON.stringify(issue).includes(name)

export const definitionSuite: Suite<unknown, object, { readonly value: unknown }> = {
  checks,
  open: (create) => ({ value: create() }),
  close: async () => {},
}

/**
 * Checks what stands around a plugin: its shape, description, and options as a config and an editor see them.
 *
 * @example
 * const issues = await checkDefinition(myPlugin)
 */
export const checkDefinition = (plugin: unknown): Promise<readonly Issue[]> =>
  runSuite(definitionSuite, () => plugin, {})
