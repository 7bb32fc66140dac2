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
import { budgetSchema, checkProviders, type Execution, providersSchema, readModel, writeModel } from '@lookalike/onnx'
import { COSTS_FILE, costOf, measureValidation } from '@lookalike/train'
import { z } from 'zod'
import { combineMembers } from './ensemble/combine-members.js'
import { fitLikelihood } from './ensemble/fit-likelihood.js'
import { type CrossModelManifest, MANIFEST, MEMBER_NAME } from './manifest.js'
import { QUERY_MODEL, type TrainedQuery, trainQuery } from './query/train-query.js'
import { createTransformer } from './transforms/create-transformer.js'
import { fitTransform } from './transforms/fit-transform.js'
import { numberLabels, pairEmbeddings } from './transforms/pair-embeddings.js'
import type { Transform } from './transforms/transform.js'
import { transformSchema } from './transforms/transform-options.js'

const fields = z.strictObject({
  query: pluginRef('encoder')
    .exactOptional()
    .describe("The light model. Default: the config's encoder, which the combiner then has to be told again."),
  budget: budgetSchema
    .exactOptional()
    .describe(
      'Trains the query model first: the largest light network within these bounds, taught by the first gallery model. Its accuracy and cost are written to costs.json, beside those of builtin, mini and the teacher.',
    ),
  queryTraining: z
    .record(z.string(), z.unknown())
    .exactOptional()
    .describe(
      'With a budget: options of the trainer metric-learning for the query model, such as epochs or another teacher. Default: the loss nt-xent, tau 0.05.',
    ),
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
const options = fields
  .refine(
    ({ query, budget }) => query === undefined || budget === undefined,
    'within a budget the query model is proposed and trained: leave out "query", or the budget',
  )
  .refine(
    ({ queryTraining, budget }) => queryTraining === undefined || budget !== undefined,
    '"queryTraining" is for a query model within a budget, and there is none',
  )
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
  const trained = await trainedQuery(settings, request, context)
  const query =
    trained?.encoder ??
    (settings.query === undefined ? request.encoder : await context.create('encoder', settings.query))
  try {
    const light = await embed(query, items)
    const execution = { threads: context.threads, providers: settings.providers }
    const learning: Learning = { settings, request, context, execution, items, validation, query, trained, light }
    const members: Learned[] = []
    for (const member of settings.members) members.push(await learnMember(member, learning))
    return await writeRun(learning, members, await learnLikelihood(learning))
  } finally {
    if (query !== request.encoder) await query.dispose()
  }
}

const trainedQuery = ({ budget, queryTraining, members }: Settings, request: TrainerRequest, context: PluginContext) =>
  budget && trainQuery({ budget, training: queryTraining, teacher: members[0]!.encoder }, request, context)

/** What all gallery models are learned from. */
interface Learning {
  readonly settings: Settings
  readonly request: TrainerRequest
  readonly context: PluginContext
  readonly execution: Execution
  readonly items: readonly DatasetItem[]
  readonly validation: readonly DatasetItem[]
  readonly query: Encoder
  /** With a budget. */
  readonly trained: TrainedQuery | undefined
  /** The query model's embeddings of the items. */
  readonly light: EmbeddedImages
}

type Member = CrossModelManifest['members'][number]
type Pairs = ReturnType<typeof pairRows>
interface Learned {
  readonly member: Member
  /** The gallery model's own embeddings of the validation images. */
  readonly seen: EmbeddedImages
}

/** The transform of one gallery model; an interrupted run keeps those that it has finished. */
async function learnMember({ name, encoder: ref }: Settings['members'][number], learning: Learning): Promise<Learned> {
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
    const seen = await embed(encoder, validation)
    const recall = await recallOf(validation, seen)
    const member = {
      name,
      encoder: ref as Member['encoder'],
      ...sideOf(encoder),
      transform: file,
      kind: transform.kind,
      ...made,
      recall,
    }
    return { member, seen }
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
  return { sha256, similarity, ridge }
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
  learning: Learning,
  learned: readonly Learned[],
  likelihood: CrossModelManifest['likelihood'] | undefined,
): Promise<TrainerResult> {
  const { settings, request, items, validation, query, trained } = learning
  const { run } = request
  const members = learned.map(({ member }) => member)
  const queryRef = settings.query as CrossModelManifest['query']['encoder']
  const manifest: CrossModelManifest = {
    format: 'lookalike-cross-model',
    version: 1,
    query: {
      encoder: queryRef,
      model: trained && QUERY_MODEL,
      name: query.name,
      ...sideOf(query),
    },
    likelihood,
    members,
  }
  await run.write(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`)
  await run.artefact('ensemble', MANIFEST)
  const costs = trained && (await costsOf(trained, learning, learned))
  if (costs) await run.write(COSTS_FILE, `${JSON.stringify(costs, null, 2)}\n`)
  const metrics = metricsOf(members)
  await run.card({
    data: { images: items.length, validationImages: validation.length },
    options: settings,
    startedFrom: trained && { encoder: query.name, space: query.space },
    members: members.map(({ name, space }) => ({ name, space })),
    stopped: 'finished',
    metrics,
  })
  const usedBy = { kind: 'combiner', use: 'cross-model', option: 'folder', path: 'directory' } as const
  return { artefact: MANIFEST, metrics, stopped: 'finished', usedBy, costs }
}

/** First the query model in the gallery of all others, which is what a search costs and finds; then each by itself. */
async function costsOf({ encoder, costs }: TrainedQuery, learning: Learning, learned: readonly Learned[]) {
  const name = `light, gallery of ${learned.map(({ member }) => member.name).join(', ')}`
  const metrics = await measureEnsemble(encoder, learning, learned)
  return [{ ...(costs[0] ?? (await costOf(encoder))), name, metrics }, ...costs]
}

/** The search by the query model among validation images that the gallery models embedded, mapped and averaged. */
async function measureEnsemble(
  query: Encoder,
  { request, validation, execution }: Learning,
  learned: readonly Learned[],
) {
  const light = await request.embed(query, validation)
  const sides = [light, ...learned.map(({ seen }) => seen)]
  const rows = sides.map(({ positions }) => new Map(Array.from(positions, (position, row) => [position, row])))
  const common = Array.from(light.positions).filter((position) => rows.every((known) => known.has(position)))
  const of = (side: number) =>
    selectRows(
      sides[side]!.embeddings,
      common.map((position) => rows[side]!.get(position)!),
    ).data
  const mapped: Float32Array[] = []
  for (const [k, { member }] of learned.entries()) {
    const model = readModel((await request.run.read(member.transform))!, { source: member.transform })
    const transform = { kind: member.kind, inputDim: member.dim, outputDim: query.dim, model }
    const transformer = await createTransformer(transform, { threads: execution.threads })
    try {
      mapped.push(await transformer.apply(of(k + 1)))
    } finally {
      await transformer.dispose()
    }
  }
  const items = common.map((position) => validation[position]!)
  return figuresOrNone(
    measureValidation(
      items,
      of(0),
      query.dim,
      mapped.length > 0 ? combineMembers(mapped, query.dim, 'mean') : undefined,
    ),
  )
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
  const found = Array.from(positions, (position) => items[position]!)
  return (await figuresOrNone(measureValidation(found, embeddings.data, embeddings.dim)))['recall@1']
}

/** No figures where no image has another one to find. */
async function figuresOrNone(measured: ReturnType<typeof measureValidation>): Promise<Record<string, number>> {
  try {
    return await measured
  } catch (error) {
    if (isLookalikeError(error, 'train/validation')) return {}
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
