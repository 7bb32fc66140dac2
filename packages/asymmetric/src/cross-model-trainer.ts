import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import {
  type DatasetItem,
  definePlugin,
  type EmbeddedImages,
  type EmbeddingCache,
  type Encoder,
  isLookalikeError,
  LookalikeError,
  type PluginContext,
  pluginRef,
  selectRows,
  type Trainer,
  type TrainerRequest,
  type TrainerResult,
} from '@lookalike/core'
import { embedImages, openEmbeddingCache, writeWhole } from '@lookalike/image'
import { writeModel } from '@lookalike/onnx'
import { measureValidation } from '@lookalike/train'
import { z } from 'zod'
import { fitLikelihood } from './ensemble/fit-likelihood.js'
import { type CrossModelManifest, MANIFEST, MEMBER_NAME } from './manifest.js'
import { fitTransform } from './transforms/fit-transform.js'
import { numberLabels, pairEmbeddings } from './transforms/pair-embeddings.js'
import type { Transform } from './transforms/transform.js'
import { transformSchema } from './transforms/transform-options.js'

const options = z.strictObject({
  query: pluginRef('encoder')
    .exactOptional()
    .describe("The light model. Default: the config's encoder, which the combiner then has to be told again."),
  members: z
    .array(
      z.strictObject({
        name: z.string().regex(MEMBER_NAME).describe('Lower-case letters, digits, hyphens.'),
        encoder: pluginRef('encoder').describe('The gallery model.'),
      }),
    )
    .min(1)
    .refine(
      (members) => new Set(members.map(({ name }) => name)).size === members.length,
      'two gallery models have the same name',
    )
    .describe('The gallery models.'),
  transform: transformSchema,
  useLabels: z.boolean().default(true).describe('Whether the terms that need labels may use them.'),
})
export type CrossModelTrainerOptions = z.input<typeof options>
type Settings = z.output<typeof options>

export const crossModelTrainer = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'cross-model',
  description: "Learns to map gallery models into a light query model's space, from embeddings alone.",
  options,
  create: (settings, context): Trainer => ({
    specVersion: 'v1',
    name: 'cross-model',
    train: (request) => trainCrossModel(settings, request, context),
  }),
})

async function trainCrossModel(
  settings: Settings,
  request: TrainerRequest,
  context: PluginContext,
): Promise<TrainerResult> {
  const { dataset, folder, seed, signal } = request
  const items = dataset.items.filter(({ split }) => split === 'train')
  if (items.length === 0) {
    throw new LookalikeError('train/no-images', {
      problem: `The dataset ${dataset.name} has no images to train on`,
      expected: 'items of the split "train"',
    })
  }
  const requests = (of: readonly DatasetItem[]) => of.map(({ source, box }) => ({ source, ...(box && { box }) }))
  const validation = dataset.items.filter(({ split, label }) => split === 'validation' && label)
  const images = requests(items)
  const held = requests(validation)
  const caches: EmbeddingCache[] = []
  const embed = (encoder: Encoder, wanted = images) =>
    embedImages(encoder, wanted, {
      ...(signal && { signal }),
      ...(request.onProgress && { onProgress: request.onProgress }),
      ...(request.onWarning && { onWarning: request.onWarning }),
      async openCache(space, dim) {
        const cache = await openEmbeddingCache(path.join(context.cacheFolder, 'embeddings'), space, dim)
        caches.push(cache)
        return cache
      },
    })
  const query = settings.query === undefined ? request.encoder : await context.create('encoder', settings.query)
  try {
    await mkdir(path.join(folder, 'transforms'), { recursive: true })
    const light = await embed(query)
    const members: CrossModelManifest['members'] = []
    for (const { name, encoder: ref } of settings.members) {
      const encoder = await context.create('encoder', ref)
      try {
        const pairs = pairRows(
          await embed(encoder),
          light,
          settings.useLabels ? items.map(({ label }) => label) : undefined,
        )
        const key = keyOf(
          {
            query: query.space,
            member: encoder.space,
            transform: settings.transform,
            useLabels: settings.useLabels,
            seed,
          },
          pairs.from,
          pairs.to,
        )
        const file = `transforms/${name}.onnx`
        signal?.throwIfAborted()
        const before = request.resume ? await finishedTransform(folder, name, key) : undefined
        const made = before ?? (await make(pairs, file, key, name))
        const recall = await recallOf(validation, await embed(encoder, held))
        members.push({
          name,
          encoder: ref as CrossModelManifest['members'][number]['encoder'],
          ...sideOf(encoder),
          transform: file,
          kind: settings.transform.kind,
          ...made,
          ...(recall !== undefined && { recall }),
        })
      } finally {
        await encoder.dispose()
      }
    }
    const likelihood = await learnLikelihood(light)
    const queryRef = settings.query as CrossModelManifest['query']['encoder']
    const manifest: CrossModelManifest = {
      format: 'lookalike-cross-model',
      version: 1,
      query: { ...(queryRef !== undefined && { encoder: queryRef }), name: query.name, ...sideOf(query) },
      ...(likelihood && { likelihood }),
      members,
    }
    await writeWhole(path.join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
    return { artefact: MANIFEST, metrics: metricsOf(members), stopped: 'finished' }
  } finally {
    for (const cache of caches) await cache.close()
    if (query !== request.encoder) await query.dispose()
  }

  async function learnLikelihood({ embeddings, positions }: EmbeddedImages) {
    const labels = settings.useLabels ? Array.from(positions, (position) => items[position]!.label) : []
    if (labels.length === 0 || !labels.every(Boolean)) return undefined
    const numbers = numberLabels(labels)
    const transform = await fitLikelihood(
      embeddings.data,
      embeddings.dim,
      numbers.labels,
      numbers.classes,
      context.threads,
    )
    return transform && (await writeTransform(folder, 'likelihood.onnx', transform))
  }

  async function make(pairs: ReturnType<typeof pairRows>, file: string, key: string, name: string) {
    const { transform, similarity, epochs } = await fitTransform(pairs, settings.transform, {
      seed,
      ...(context.threads !== undefined && { threads: context.threads }),
      ...(signal && { signal }),
      ...(request.onProgress && {
        onProgress: (progress) => request.onProgress!({ ...progress, note: `${name}, ${progress.note ?? ''}` }),
      }),
    })
    const { sha256 } = await writeTransform(folder, file, transform)
    // The note comes last: without it the transform is learned again.
    await writeWhole(
      path.join(folder, `transforms/${name}.json`),
      `${JSON.stringify({ key, sha256, similarity, epochs }, null, 2)}\n`,
    )
    return { sha256, similarity }
  }
}

async function writeTransform(
  folder: string,
  file: string,
  { model }: Transform,
): Promise<{ transform: string; sha256: string }> {
  const bytes = writeModel(model)
  await writeWhole(path.join(folder, file), bytes)
  return { transform: file, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function metricsOf(members: CrossModelManifest['members']): Record<string, number> {
  return Object.fromEntries(
    members.flatMap(({ name, similarity, recall }) => [
      [`similarity/${name}`, similarity],
      ...(recall === undefined ? [] : [[`recall@1/${name}`, recall] as const]),
    ]),
  )
}

/** Recall@1 of a gallery model by itself; undefined where nothing can be found. */
async function recallOf(
  items: readonly DatasetItem[],
  { embeddings, positions }: EmbeddedImages,
): Promise<number | undefined> {
  if (positions.length === 0) return undefined
  try {
    return (
      await measureValidation(
        Array.from(positions, (position) => items[position]!),
        embeddings.data,
        embeddings.dim,
      )
    )['recall@1']
  } catch (error) {
    if (isLookalikeError(error, 'train/validation')) return undefined
    throw error
  }
}

/** What an interrupted run already learned from exactly these embeddings and settings. */
async function finishedTransform(
  folder: string,
  name: string,
  key: string,
): Promise<{ sha256: string; similarity: number } | undefined> {
  const note = noteSchema.safeParse(
    await readFile(path.join(folder, `transforms/${name}.json`), 'utf8')
      .then((text): unknown => JSON.parse(text))
      .catch(() => undefined),
  )
  if (!note.success || note.data.key !== key) return undefined
  const bytes = await readFile(path.join(folder, `transforms/${name}.onnx`)).catch(() => undefined)
  if (!bytes || createHash('sha256').update(bytes).digest('hex') !== note.data.sha256) return undefined
  return { sha256: note.data.sha256, similarity: note.data.similarity }
}

const noteSchema = z.object({ key: z.string(), sha256: z.string(), similarity: z.number() })

function keyOf(settings: object, ...arrays: readonly Float32Array[]): string {
  const hash = createHash('sha256').update(JSON.stringify(settings))
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  return hash.digest('hex')
}

/** Images that both models could read. */
function pairRows(heavy: EmbeddedImages, light: EmbeddedImages, labels: readonly string[] | undefined) {
  const rows = new Map(Array.from(light.positions, (position, row) => [position, row]))
  const both = Array.from(heavy.positions, (position, row) => ({ position, row })).filter(({ position }) =>
    rows.has(position),
  )
  const from = selectRows(
    heavy.embeddings,
    both.map(({ row }) => row),
  )
  const to = selectRows(
    light.embeddings,
    both.map(({ position }) => rows.get(position)!),
  )
  const known = labels && both.map(({ position }) => labels[position]!)
  return pairEmbeddings(from, to, known?.every(Boolean) ? known : undefined)
}

function sideOf({ space, dim, input, batchSize }: Encoder) {
  return { space, dim, input: structuredClone(input), batchSize } as Pick<
    CrossModelManifest['members'][number],
    'space' | 'dim' | 'input' | 'batchSize'
  >
}
