import { createRegistry, definePlugin, pluginRef } from '@lookalike/core'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { composeJsonSchema } from './compose-json-schema.js'
import { parseConfig } from './parse-config.js'
import { resolveConfig } from './resolve-config.js'

const part = (name: string, options: z.ZodType) =>
  definePlugin({
    specVersion: 'v1',
    kind: 'reranker',
    name,
    description: `The ${name}.`,
    options: options as never,
    create: () => {
      throw new Error('only described here')
    },
  })
const dummy = (kind: 'encoder' | 'index' | 'reporter', name: string) =>
  definePlugin({
    specVersion: 'v1',
    kind,
    name,
    description: name,
    options: z.strictObject({}) as never,
    create: () => {
      throw new Error('only described here')
    },
  })
const registry = createRegistry([
  part('plain', z.strictObject({ topN: z.int().min(1).default(5).describe('Candidates.') })),
  part(
    'nested',
    z.strictObject({
      of: z.array(pluginRef('reranker')).describe('Others.'),
      by: z.record(z.string(), pluginRef('encoder')).optional(),
    }),
  ),
  dummy('encoder', 'builtin'),
  dummy('index', 'exact'),
  dummy('reporter', 'json'),
  dummy('reporter', 'html'),
])

const DEFAULTS = { encoder: 'builtin', index: 'exact', evaluate: { reporters: ['json', 'html'] } }

it('tells plugins apart by "use" and points nested references at their kind', () => {
  const schema = composeJsonSchema(registry, DEFAULTS)
  expect(schema.properties?.rerankers).toMatchObject({ type: 'array', items: { $ref: '#/$defs/reranker' } })
  expect(schema.properties).toHaveProperty('$schema')
  expect(schema.properties?.encoder).toMatchObject({ $ref: '#/$defs/encoder', default: 'builtin' })
  expect(composeJsonSchema(registry).properties?.encoder).not.toHaveProperty('default')
  expect(schema.properties?.evaluate).toMatchObject({
    default: {},
    properties: { reporters: { default: ['json', 'html'] }, split: { default: 'test' } },
  })
  // "nested" cannot be named without options, so its bare name is not offered.
  expect(schema.$defs?.reranker?.anyOf).toEqual([
    { const: 'plain', description: 'The plain.' },
    { $ref: '#/$defs/reranker.nested' },
    { $ref: '#/$defs/reranker.plain' },
  ])
  expect(schema.$defs?.['reranker.plain']).toMatchObject({
    properties: { use: { const: 'plain' }, topN: { type: 'integer', default: 5, description: 'Candidates.' } },
    required: ['use'],
    additionalProperties: false,
  })
  expect(schema.$defs?.['reranker.nested']).toMatchObject({
    properties: {
      of: { items: { $ref: '#/$defs/reranker' } },
      by: { additionalProperties: { $ref: '#/$defs/encoder' } },
    },
    required: ['use', 'of'],
  })
  const refs = [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)].map(([, name]) => name!)
  for (const name of refs) expect(schema.$defs).toHaveProperty([name])
})

const resolve = (given: Readonly<Record<string, unknown>>) =>
  resolveConfig(parseConfig({ ...DEFAULTS, ...given }, 'run'), registry, 'x.yaml')

it('resolves plugins inside plugins, with defaults and versions', async () => {
  const { config, plugins } = await resolve({
    rerankers: [{ use: 'nested', of: ['plain', { use: 'nested', of: [{ use: 'plain', topN: 9 }] }] }],
  })
  expect(config.rerankers).toEqual([
    {
      use: 'nested',
      of: [
        { use: 'plain', topN: 5 },
        { use: 'nested', of: [{ use: 'plain', topN: 9 }] },
      ],
    },
  ])
  expect(Object.keys(plugins)).toEqual([
    'encoder/builtin',
    'index/exact',
    'reporter/html',
    'reporter/json',
    'reranker/nested',
    'reranker/plain',
  ])
})

it('gives the full path of what does not fit, however deep', async () => {
  await expect(
    resolve({ rerankers: ['plain', { use: 'nested', of: ['plain', { use: 'plain', topN: 0 }] }] }),
  ).rejects.toThrow(/^x\.yaml: rerankers\[1\]\.of\[1\]\.topN: 0 \(number\) does not fit/)
  await expect(resolve({ rerankers: [{ use: 'nested', of: [], by: { a: 'bultin' } }] })).rejects.toThrow(
    'rerankers[0].by.a: there is no encoder "bultin". Expected: one of builtin. Did you mean "builtin"?',
  )
})
