import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import {
  definePlugin,
  type Encoder,
  LookalikeError,
  type PluginContext,
  type PluginRef,
  pluginRef,
} from '@lookalike/core'
import { readModel } from '@lookalike/onnx'
import { z } from 'zod'
import { crossModel } from './cross-model.js'
import { lazyEncoder, wrongModel } from './lazy-encoder.js'
import { type CrossModelManifest, readCrossModelManifest } from './manifest.js'
import type { Transform } from './transforms/transform.js'

const options = z.strictObject({
  folder: z.string().min(1).describe('Folder of a run of the trainer cross-model, from the config file.'),
  query: pluginRef('encoder')
    .exactOptional()
    .describe('The light model. Default: as the run was trained. Its space must be the same.'),
  members: z
    .record(z.string(), pluginRef('encoder'))
    .default({})
    .describe('Where gallery models are now, by name, when they are no longer where the run was trained.'),
  distilled: pluginRef('encoder')
    .exactOptional()
    .describe(
      'What distilling a gallery model into the light model made: measured beside the ensemble when "evaluate.baselines" is set.',
    ),
  weighting: z
    .enum(['mean', 'agreement'])
    .default('mean')
    .describe('How gallery models count on an image: alike, or less the further one is from the others.'),
  similarity: z
    .enum(['cosine', 'likelihood'])
    .default('cosine')
    .describe(
      'How a query is compared: by cosine, or by its likelihood among images of the class as the labels of the training images told; the query stays the same.',
    ),
})
export type CrossModelPluginOptions = z.input<typeof options>

export const crossModelPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'combiner',
  name: 'cross-model',
  description:
    'A light query model, N gallery models mapped into its space, and a gallery that knows what it is unsure of.',
  options,
  async create(
    { folder: given, query: queryRef, members: refs, distilled: distilledRef, weighting, similarity },
    context,
  ) {
    const folder = path.resolve(context.folder, given)
    const manifest = await readCrossModelManifest(folder)
    const unknown = Object.keys(refs).filter((name) => !manifest.members.some((member) => member.name === name))
    if (unknown.length > 0) {
      throw new LookalikeError('asymmetric/member-name', {
        problem: `The run ${folder} has no gallery model "${unknown.join('", "')}"`,
        expected: manifest.members.map(({ name }) => name).join(', '),
      })
    }
    const queryDim = manifest.query.dim
    const members = []
    for (const member of manifest.members) {
      const { name, dim, space, batchSize } = member
      const encoder = lazyEncoder({ name, dim, space, input: member.input, batchSize }, () =>
        context.create('encoder', refs[name] ?? (member.encoder as PluginRef<'encoder'>)),
      )
      members.push({
        name,
        encoder,
        transform: await readTransform(folder, member, { kind: member.kind, inputDim: dim, outputDim: queryDim }, name),
        quality: member.recall,
      })
    }
    if (members.length === 1) {
      context.warn({
        code: 'asymmetric/no-uncertainty',
        message: `The run ${folder} has one gallery model: there is nobody to disagree with, so its galleries have no uncertainty and nothing can be rejected.`,
        fields: { folder },
      })
    }
    const likelihood =
      manifest.likelihood &&
      (await readTransform(folder, manifest.likelihood, {
        kind: 'likelihood',
        inputDim: queryDim,
        outputDim: queryDim,
      }))
    const query = await openQuery(manifest, queryRef, folder, context)
    const distilled = distilledRef === undefined ? undefined : await context.create('encoder', distilledRef)
    return crossModel({
      query,
      members,
      weighting,
      similarity,
      likelihood,
      distilled,
      threads: context.threads,
    })
  },
})

async function openQuery(
  { query }: CrossModelManifest,
  given: PluginRef<'encoder'> | undefined,
  folder: string,
  context: PluginContext,
): Promise<Encoder> {
  const own = query.model && { use: 'onnx', name: query.name, model: path.join(folder, query.model) }
  const ref = given ?? own ?? (query.encoder as PluginRef<'encoder'> | undefined)
  if (ref === undefined) {
    throw new LookalikeError('asymmetric/query', {
      problem: `The run ${folder} was trained for the config's encoder "${query.name}" and does not know how it is made`,
      fix: 'Name it in the combiner\'s "query".',
    })
  }
  const encoder = await context.create('encoder', ref)
  if (encoder.space === query.space) return encoder
  await encoder.dispose()
  throw wrongModel(query.name, query.space, encoder.space)
}

interface StoredTransform {
  readonly transform: string
  readonly sha256: string
}

/** @param member without it the likelihood */
async function readTransform(
  folder: string,
  { transform, sha256 }: StoredTransform,
  shape: Omit<Transform, 'model'>,
  member?: string,
): Promise<Transform> {
  const file = path.join(folder, transform)
  const bytes = await readFile(file).catch(() => undefined)
  if (bytes && createHash('sha256').update(bytes).digest('hex') === sha256)
    return { ...shape, model: readModel(bytes, { source: file }) }
  throw new LookalikeError(
    'asymmetric/folder',
    {
      problem: `The ${member === undefined ? 'likelihood' : `transform of "${member}"`}, ${file}, ${bytes ? 'is not the one that was trained' : 'is missing'}`,
      expected: 'the folder as training left it',
      fix: 'Train again, or put the file back.',
    },
    { fields: { path: file, member } },
  )
}
