import { createRegistry, definePlugin, findReferences, pluginRef } from '@lookalike/core'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { createPipeline } from '../create-pipeline.js'
import { parseConfig } from './parse-config.js'

/** How often each schema was asked. */
const asked = new Map<string, number>()
const counted = <T extends z.ZodType>(name: string, schema: T) =>
  schema.superRefine(() => {
    asked.set(name, (asked.get(name) ?? 0) + 1)
  })

const encoder = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'builtin',
  description: 'An encoder.',
  options: counted('encoder', z.strictObject({ size: z.int().default(3) })),
  create: ({ size }) => ({ name: 'builtin', size, dispose: async () => {} }) as never,
})
const combiner = definePlugin({
  specVersion: 'v1',
  kind: 'combiner',
  name: 'both',
  description: 'A combiner.',
  options: counted('combiner', z.strictObject({ of: z.array(pluginRef('encoder')) })),
  create: async ({ of }, context) => {
    // Made twice, as a trainer may do.
    for (const reference of [...of, ...of]) await context.create('encoder', reference)
    return { name: 'both', queryEncoders: [], galleryEncoders: [], dispose: async () => {} } as never
  },
})
const engine = definePlugin({
  specVersion: 'v1',
  kind: 'index',
  name: 'exact',
  description: 'An engine.',
  options: counted('index', z.strictObject({})),
  create: () => ({ name: 'exact' }) as never,
})

it('checks the options of each plugin once a run, from the config to what is made', async () => {
  const config = parseConfig(
    { encoder: 'builtin', combiner: { use: 'both', of: ['builtin', { use: 'builtin', size: 5 }] }, index: 'exact' },
    'run',
  )
  expect(findReferences(config).map(({ path }) => path)).toEqual(['encoder', 'combiner', 'index'])
  const pipeline = await createPipeline({ config, folder: '.' }, createRegistry([encoder, combiner, engine]))
  await pipeline.model()
  await pipeline.engine()
  await pipeline.dispose()
  // The encoder of the config, and the two of the combiner.
  expect(Object.fromEntries(asked)).toEqual({ encoder: 3, combiner: 1, index: 1 })
  expect(pipeline.resolved.config).toMatchObject({
    combiner: {
      use: 'both',
      of: [
        { use: 'builtin', size: 3 },
        { use: 'builtin', size: 5 },
      ],
    },
  })
})
