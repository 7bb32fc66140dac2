import { createHash } from 'node:crypto'
import {
  type DatasetItem,
  definePlugin,
  type EmbeddedImages,
  type Encoder,
  isLookalikeError,
  LookalikeError,
  type PluginContext,
  pluginRef,
  type Run,
  selectRows,
  type Trainer,
  type TrainerRequest,
  type TrainerResult,
} from '@lookalike/core'
import { checkProviders, type Execution, providersSchema, writeModel } from '@lookalike/onnx'
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
  providers: providersSchema
    .default(['cpu'])
    .describe('Where the transforms are learned, first choice first. Operators that a provider lacks run on the CPU.'),
})
export type CrossModelTrainerOptions = z.input<typeof options>
type Settings = z.output<typeof options>

export const crossModelTrainer = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'cross-model',
  description: "Learns to map gallery models into a light query model's space, from embeddings alone.",
  options,
  async create(settings, context): Promise<Trainer> {
    await checkProviders(settings.providers)
    return {
      specVersion: 'v1',
      name: 'cross-model',
      settings,
      train: (request) => trainCrossModel(settings, request, context),
    }
  },
})

async function trainCrossModel(
  settings: Settings,
  request: TrainerRequest,
  context: PluginContext,
): Promise<TrainerResult> {
  const { dataset, embed } = request
  const items = dataset.items.filter(({ split }) => split === 'train')
  if (items.length === 0) {
    throw new LookalikeError('train/no-images', {
      problem: `The dataset ${dataset.name} has no images to train on`,
      expected: 'items of the split "train"',
    })
  }
  const validation = dataset.items.filter(({ split, label }) => split === 'validation' && label)
  const query = settings.query === undefined ? request.encoder : await context.create('encoder', settings.query)
  try {
    const light = await embed(query, items)
    const execution = { threads: context.threads, providers: settings.providers }
    const learning: Learning = { settings, request, context, execution, items, validation, query, light }
    const members: Member[] = []
    for (const member of settings.members) members.push(await learnMember(member, learning))
    return await writeRun(learning, members, await learnLikelihood(learning))
  } finally {
    if (query !== request.encoder) await query.dispose()
  }
}

/** What all gallery models are learned from. */
interface Learning {
  readonly settings: Settings
  readonly request: TrainerRequest
  readonly context: PluginContext
  readonly execution: Execution
  readonly items: readonly DatasetItem[]
  readonly validation: readonly DatasetItem[]
  readonly query: Encoder
  /** The query model's embeddings of the items. */
  readonly light: EmbeddedImages
}

type Member = CrossModelManifest['members'][number]
type Pairs = ReturnType<typeof pairRows>

/** The transform of one gallery model; an interrupted run keeps those that it has finished. */
async function learnMember({ name, encoder: ref }: Settings['members'][number], learning: Learning): Promise<Member> {
  const { settings, request, context, items, validation, query, light } = learning
  const { run, signal, embed } = request
  const { transform, useLabels } = settings
  const encoder = await context.create('encoder', ref)
  try {
    const labels = useLabels ? items.map(({ label }) => label) : undefined
    const pairs = pairRows(await embed(encoder, items), light, labels)
    const key = keyOf(
      { query: query.space, member: encoder.space, transform, useLabels, seed: run.seed },
      pairs.from,
      pairs.to,
    )
    const file = `transforms/${name}.onnx`
    signal?.throwIfAborted()
    const before = run.resumed ? await finishedTransform(run, name, key) : undefined
    const made = before ?? (await makeTransform(pairs, file, key, name, learning))
    const recall = await recallOf(validation, await embed(encoder, validation))
    return {
      name,
      encoder: ref as Member['encoder'],
      ...sideOf(encoder),
      transform: file,
      kind: transform.kind,
      ...made,
      ...(recall !== undefined && { recall }),
    }
  } finally {
    await encoder.dispose()
  }
}

async function makeTransform(pairs: Pairs, file: string, key: string, name: string, learning: Learning) {
  const { settings, request, execution } = learning
  const { run, signal, onProgress } = request
  const { log } = run.part(name)
  // A transform that was not finished is learned from the start.
  await log.rewind(0)
  const { transform, similarity, epochs, ridge } = await fitTransform(pairs, settings.transform, {
    seed: run.seed,
    ...execution,
    signal,
    onEpoch: ({ epoch: step, ...figures }) => log.write({ step, ...figures }),
    onProgress: (progress) => onProgress?.({ ...progress, note: `${name}, ${progress.note ?? ''}` }),
  })
  const { sha256 } = await writeTransform(run, file, transform)
  // The note comes last: without it the transform is learned again.
  await run.write(`transforms/${name}.json`, `${JSON.stringify({ key, sha256, similarity, epochs, ridge }, null, 2)}\n`)
  return { sha256, similarity, ...(ridge !== undefined && { ridge }) }
}

/** Undefined where images have no labels, or no class has two of them. */
async function learnLikelihood({ settings, request, execution, items, light }: Learning) {
  const { embeddings, positions } = light
  const labels = settings.useLabels ? Array.from(positions, (position) => items[position]!.label) : []
  if (labels.length === 0 || !labels.every(Boolean)) return undefined
  const numbers = numberLabels(labels)
  const { data, dim } = embeddings
  const transform = await fitLikelihood(data, dim, numbers.labels, numbers.classes, execution)
  return transform && (await writeTransform(request.run, 'likelihood.onnx', transform))
}

/** The manifest, which the combiner opens, and the card. */
async function writeRun(
  { settings, request, items, validation, query }: Learning,
  members: Member[],
  likelihood: CrossModelManifest['likelihood'] | undefined,
): Promise<TrainerResult> {
  const { run } = request
  const queryRef = settings.query as CrossModelManifest['query']['encoder']
  const manifest: CrossModelManifest = {
    format: 'lookalike-cross-model',
    version: 1,
    query: { ...(queryRef !== undefined && { encoder: queryRef }), name: query.name, ...sideOf(query) },
    ...(likelihood && { likelihood }),
    members,
  }
  await run.write(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`)
  await run.artefact('ensemble', MANIFEST)
  const metrics = metricsOf(members)
  await run.card({
    data: { images: items.length, validationImages: validation.length },
    options: settings,
    members: members.map(({ name, space }) => ({ name, space })),
    stopped: 'finished',
    metrics,
  })
  const usedBy = { kind: 'combiner', use: 'cross-model', option: 'folder', path: 'directory' } as const
  return { artefact: MANIFEST, metrics, stopped: 'finished', usedBy }
}

async function writeTransform(
  run: Run,
  file: string,
  { model }: Transform,
): Promise<{ transform: string; sha256: string }> {
  const bytes = writeModel(model)
  await run.write(file, bytes)
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
  run: Run,
  name: string,
  key: string,
): Promise<z.infer<typeof finishedSchema> | undefined> {
  const text = await run.read(`transforms/${name}.json`)
  const note = noteSchema.safeParse(text && (JSON.parse(Buffer.from(text).toString('utf8')) as unknown))
  if (!note.success || note.data.key !== key) return undefined
  const bytes = await run.read(`transforms/${name}.onnx`)
  if (!bytes || createHash('sha256').update(bytes).digest('hex') !== note.data.sha256) return undefined
  return finishedSchema.parse(note.data)
}

const finishedSchema = z.object({ sha256: z.string(), similarity: z.number(), ridge: z.number().exactOptional() })
const noteSchema = finishedSchema.extend({ key: z.string() })

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
