import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import {
  definePlugin, embedImages, LookalikeError, writeWhole,
  type Dataset, type Split, type Trainer, type TrainerRequest, type TrainerResult, type Triple,
} from '@lookalike/core'
import { z } from 'zod'
import { decode, encode, ENSEMBLE_FILE, writeEnsemble, type EnsembleMember } from '../combiner/ensemble-model.js'
import type { RowTriple } from '../context/context-loss.js'
import { mapFeatures } from '../context/prepare-features.js'
import { renderMap } from '../weights/render-map.js'
import { checkTriples } from '../triples/check-triples.js'
import { learnFeatures, learnMember, learnWeights, type LearnOptions } from './learn-ensemble.js'

const weights = z
  .discriminatedUnion('use', [
    z.strictObject({ use: z.literal('mlp'), components: z.int().min(1).default(64).describe('Principal components that it looks at. Paper: 64.') }),
    z.strictObject({
      use: z.literal('credibility-map'),
      grid: z.int().min(1).max(2000).default(200).describe('Cells a side. Paper: 200.'),
      window: z.int().min(1).default(10).describe('Cells a side of the window. Paper: 10.'),
      mode: z.enum(['threshold', 'average', 'max']).default('threshold').describe('Which members a cell trusts.'),
      threshold: z.number().min(0).max(1).default(0.75).describe('Accuracy above which a member is trusted, 0 to 1. Paper: 0.75.'),
    }),
    z.strictObject({ use: z.literal('uniform') }),
    z.strictObject({ use: z.literal('best-single') }),
  ])
  .prefault({ use: 'mlp' })
  .describe('How the weights follow from the reference; fitted on validation triples.')

const options = z.strictObject({
  objective: z
    .enum(['cosine', 'paper'])
    .default('cosine')
    .describe('cosine (ours): logistic loss of the difference of the cosines that the ensemble compares. paper: classifier and margin on raw embeddings.'),
  epochs: z.int().min(0).default(6).describe('Passes over a context. Paper: 25, for whole encoders.'),
  batchSize: z.int().min(1).default(32).describe('Triples a step. Paper: 8.'),
  learningRate: z.number().positive().default(1e-3).describe('Of Adam. Ours; the paper has 1e-5 for whole encoders.'),
  weightDecay: z.number().min(0).default(3e-3).describe('Pulls a head back to the untuned encoder (ours).'),
  temperature: z.number().positive().default(0.1).describe('Of the cosine objective, in units of cosine.'),
  components: z.int().min(1).default(64).describe('Principal components of the embeddings that heads work on (ours).'),
  centred: z.boolean().default(true).describe('Take the mean embedding away first (ours).'),
  softLabels: z.boolean().default(true).describe('Train on the share of votes where the triples have it (ours).'),
  weights,
})

declare module '@lookalike/core' {
  interface TrainerPlugins {
    'context-ensemble': z.input<typeof options>
  }
}

export type ContextTrainerOptions = z.output<typeof options>

export const contextTrainer = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'context-ensemble',
  description: 'One head for each context of triples on a frozen encoder, then the weights that tell which head to trust for which query.',
  options,
  create: (settings: ContextTrainerOptions) => createContextTrainer(settings),
})

/** Every context in one run; a context that is done is not trained again on resuming. */
export function createContextTrainer(settings: ContextTrainerOptions): Trainer {
  return { specVersion: 'v1', name: 'context-ensemble', train: (request) => train(settings, request) }
}

async function train(settings: ContextTrainerOptions, request: TrainerRequest): Promise<TrainerResult> {
  const { dataset, encoder, folder, seed, resume, signal, onProgress, onWarning } = request
  const triples = usableTriples(dataset)
  const embedded = await embedImages(encoder, dataset.items.map(({ source, box }) => ({ source, ...(box && { box }) })), {
    ...(signal && { signal }), ...(onProgress && { onProgress }), ...(onWarning && { onWarning }), onCorrupt: 'fail',
  })
  const rowOf = new Map(dataset.items.map(({ id }, row) => [id, row]))
  const rows = (split: Split) => triples.filter((triple) => triple.split === split).map((triple) => ({ triple, row: toRows(triple, rowOf, settings.softLabels) }))
  const contexts = groupContexts(rows('train'))
  const learn: LearnOptions = { ...settings, seed, ...(signal && { signal }) }
  for (const [context, own] of contexts) {
    if (Math.floor((own.length * 2) / 3) < settings.batchSize) throw smallContext(context, own.length, settings.batchSize)
  }
  const training = new Set([...contexts.values()].flat().flatMap(({ reference, a, b }) => [reference, a, b]))
  const map = learnFeatures(embedded.embeddings.data, encoder.dim, training, settings)
  const features = mapFeatures(map, embedded.embeddings.data)
  const { dim } = map.pca

  const members: EnsembleMember[] = []
  const done = (note?: string) =>
    onProgress?.({ phase: 'train', done: members.length, total: contexts.size, unit: 'context', ...(note !== undefined && { note }) })
  done()
  for (const [context, own] of contexts) {
    signal?.throwIfAborted()
    const fingerprint = createHash('sha256').update(encode([settings, seed, encoder.space, map, own])).digest('hex')
    const file = path.join(folder, 'members', `checkpoint-${fingerprint.slice(0, 16)}.json`)
    const before = resume ? await readMember(file) : undefined
    const member = before ?? learnMember(context, features, dim, own, learn)
    if (!before) await writeWhole(file, encode(member))
    members.push(member)
    done(`${context}: ${(100 * member.localAccuracy).toFixed(1)} %`)
  }
  const validation = rows('validation').map(({ row }) => row)
  const fitted = learnWeights(members, features, dim, validation, settings.weights, seed)
  if (fitted.kind === 'credibility-map') {
    const references = [...new Set(validation.map(({ reference }) => reference))]
    const own = new Float32Array(references.length * dim)
    references.forEach((row, at) => own.set(features.subarray(row * dim, (row + 1) * dim), at * dim))
    await writeWhole(path.join(folder, 'credibility-map.svg'), renderMap(fitted, own, members.map(({ context }) => context)))
  }
  await writeEnsemble(folder, { encoderSpace: encoder.space, features: map, members, weights: fitted })
  return {
    artefact: ENSEMBLE_FILE,
    metrics: Object.fromEntries(members.map(({ context, localAccuracy }) => [`local-accuracy/${context}`, localAccuracy])),
    stopped: 'finished',
  }
}

/** @throws `ensemble/no-triples`, `ensemble/bad-triple` */
function usableTriples({ name, items, triples }: Dataset): readonly Triple[] {
  if (!triples || triples.length === 0) {
    throw new LookalikeError('ensemble/no-triples', { problem: `The dataset ${name} has no triples`, expected: 'a dataset of triples, as "triples" or "emoji-triples" read', fix: 'Gather some with "lookalike label".' })
  }
  const [fault] = checkTriples(triples, items.map(({ id }) => id)).bad
  if (fault) {
    const { reference, a, b } = triples[fault.position]!
    throw new LookalikeError(
      'ensemble/bad-triple',
      {
        problem: `Triple ${fault.position + 1} (${reference}; ${a}, ${b}) cannot be used: ${fault.kind.replaceAll('-', ' ')}`,
        expected: 'three different images of the dataset, and a or b as the closer one',
      },
      { fields: { ...fault } },
    )
  }
  return triples
}

function toRows({ reference, a, b, closer, agreement, classA, classB }: Triple, rowOf: ReadonlyMap<string, number>, soft: boolean): RowTriple {
  const share = soft ? (agreement ?? 1) : 1
  return {
    reference: rowOf.get(reference)!, a: rowOf.get(a)!, b: rowOf.get(b)!,
    target: closer === 'b' ? share : 1 - share,
    ...(classA !== undefined && { classA }), ...(classB !== undefined && { classB }),
  }
}

/** By the triples' contexts, else by reference. @throws `ensemble/one-context` */
function groupContexts(given: readonly { readonly triple: Triple; readonly row: RowTriple }[]): ReadonlyMap<string, RowTriple[]> {
  const contexts = new Map<string, RowTriple[]>()
  for (const { triple, row } of given) {
    const name = triple.context ?? triple.reference
    const own = contexts.get(name)
    if (own) own.push(row)
    else contexts.set(name, [row])
  }
  if (contexts.size < 2) {
    throw new LookalikeError(
      'ensemble/one-context',
      {
        problem: `The training triples form ${contexts.size} context${contexts.size === 1 ? '' : 's'}`,
        expected: 'at least two, so that there is something to choose between',
        fix: 'Let the dataset make groups of references: contexts: 8.',
      },
      { fields: { contexts: [...contexts.keys()] } },
    )
  }
  return contexts
}

async function readMember(file: string): Promise<EnsembleMember | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (decode(text) as EnsembleMember)
}

function smallContext(context: string, triples: number, batchSize: number): LookalikeError {
  return new LookalikeError(
    'ensemble/small-context',
    {
      problem: `The context ${context} has ${triples} triples; two thirds of them train, and a batch takes ${batchSize}`,
      expected: `at least ${Math.ceil(batchSize * 1.5)} triples a context`,
      fix: 'Gather more triples for it, make fewer and larger contexts, or lower batchSize.',
    },
    { fields: { context, triples, batchSize } },
  )
}
