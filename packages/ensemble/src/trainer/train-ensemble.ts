import path from 'node:path'
import {
  type Encoder,
  type LossTriple,
  pickRows,
  type Run,
  type TrainerRequest,
  type TrainerResult,
} from '@lookalike/core'
import { checkProviders, loadModel, readModel, writeModel } from '@lookalike/onnx'
import { ENSEMBLE_FILE, encodeEnsemble, MERGED_FILE } from '../combiner/ensemble-file.js'
import { type EnsembleModel, sourcesOf } from '../combiner/ensemble-model.js'
import { hits, memberGaps } from '../context/member-gaps.js'
import { networkOf } from '../context/train-network.js'
import { type MergeNetwork, mergeEnsemble } from '../merge/merge-ensemble.js'
import { type ReferenceSkill, referenceSkill, skillWarnings } from '../weights/reference-skill.js'
import { renderMap } from '../weights/render-map.js'
import { learnWeights } from './learn-ensemble.js'
import { type Base, openBases } from './open-bases.js'
import { type ContextData, readContexts } from './read-contexts.js'
import { type TrainedMember, trainingOptions, trainMembers } from './train-members.js'
import type { ContextTrainerOptions, ContextTrainerParts } from './trainer-options.js'

/** Trains a member for every context, from every encoder, fits the weights and writes the ensemble. */
export async function trainEnsemble(
  settings: ContextTrainerOptions,
  parts: ContextTrainerParts,
  request: TrainerRequest,
): Promise<TrainerResult> {
  const { dataset, run, onWarning } = request
  await checkProviders(settings.providers)
  const options = trainingOptions(settings, parts, request)
  const data = readContexts(dataset, settings.softLabels, options.batchSize)
  for (const warning of data.warnings) onWarning?.(warning)
  const embed = async (encoder: Encoder) =>
    (await request.embed(encoder, dataset.items, { onCorrupt: 'fail' })).embeddings.data
  const starts = [request.encoder, ...(parts.encoders ?? [])]
  const encoders = [...starts, ...(parts.weightsEncoder ? [parts.weightsEncoder] : [])]
  const bases = await openBases(
    encoders,
    dataset.items,
    imagesOf(data.contexts.values()),
    settings,
    run,
    embed,
    request.images,
  )
  const jobs = [...data.contexts].flatMap(([context, triples]) =>
    bases.slice(0, starts.length).map((base, at) => ({ context, triples, base, at })),
  )
  const all = await trainMembers(jobs, settings, parts, options, request, embed)
  if (!all) return { artefact: ENSEMBLE_FILE, metrics: {}, stopped: 'aborted' }
  const trained = settings.keep === 'best' ? bestOfContexts(all) : all
  const skill = skillOf(trained, data, run.seed)
  if (skill && !['uniform', 'best-single'].includes(settings.weights.use))
    for (const warning of skillWarnings(skill)) onWarning?.(warning)
  await writeEnsemble(run, settings, bases, trained, data, parts.weightsEncoder && bases.length - 1)
  const metrics = { ...metricsOf(bases, trained, data), ...(skill && skillMetrics(skill)) }
  await run.card({
    data: { images: dataset.items.length, contexts: data.contexts.size, validationTriples: data.validation.length },
    options: settings,
    encoders: encoders.map(({ name, space }) => ({ name, space })),
    metrics,
    stopped: 'finished',
  })
  const usedBy = { kind: 'combiner', use: 'context-ensemble', option: 'folder', path: 'directory' } as const
  return { artefact: ENSEMBLE_FILE, metrics, stopped: 'finished', usedBy }
}

/** Fits the weights and writes what the combiner opens. */
async function writeEnsemble(
  run: Run,
  settings: ContextTrainerOptions,
  bases: readonly Base[],
  trained: readonly TrainedMember[],
  { validation }: ContextData,
  weightsBase: number | undefined,
): Promise<void> {
  const members = trained.map(({ member }) => member)
  const first = bases[weightsBase ?? 0]!
  const { dim } = first.facts.features.pca
  const outputs = trained.map(({ output }) => output)
  const weights = learnWeights(outputs, first.features, dim, validation, settings.weights, run.seed)
  if (weights.kind === 'credibility-map') {
    const references = pickRows(first.features, dim, new Set(validation.map(({ reference }) => reference)))
    await run.write('credibility-map.svg', renderMap(weights, references, namesOf(bases, trained)))
  }
  const model: EnsembleModel = {
    bases: bases.map(({ facts }) => facts),
    members,
    weights,
    weightsBase,
  }
  await run.write(ENSEMBLE_FILE, encodeEnsemble(model))
  await run.artefact('ensemble', ENSEMBLE_FILE)
  if (!settings.merge) return
  await run.write(MERGED_FILE, writeModel(await merged(model, bases, run.folder)))
  await run.artefact('merged', MERGED_FILE)
}

/** Of each context the member with the best accuracy on its held-out triples; the first of equal ones. */
function bestOfContexts(trained: readonly TrainedMember[]): TrainedMember[] {
  const best = new Map<string, TrainedMember>()
  for (const one of trained) {
    const known = best.get(one.member.context)
    if (!known || one.member.localAccuracy > known.member.localAccuracy) best.set(one.member.context, one)
  }
  return [...best.values()]
}

/** Undefined where there is nothing to choose between. */
function skillOf(trained: readonly TrainedMember[], { validation }: ContextData, seed: number) {
  if (trained.length < 2 || validation.length === 0) return undefined
  const right = trained.map(({ output }) => hits(memberGaps(output.data, output.dim, validation), validation))
  return referenceSkill(right, validation, seed)
}

function skillMetrics({ hindsight, hindsightByChance, corrected, correctedByChance, chance }: ReferenceSkill) {
  return {
    'best member of each validation reference, chosen on the other half': corrected,
    'the same by chance': correctedByChance,
    'probability of such a gain by chance': chance,
    'best member of each validation reference, with hindsight': hindsight,
    'hindsight by chance': hindsightByChance,
  }
}

function namesOf(bases: readonly Base[], trained: readonly TrainedMember[]): string[] {
  return trained.map(({ member: { context, base } }) =>
    bases.length === 1 ? context : `${context} from ${bases[base]!.encoder.name}`,
  )
}

function metricsOf(
  bases: readonly Base[],
  trained: readonly TrainedMember[],
  { consistency }: ContextData,
): Record<string, number> {
  const names = namesOf(bases, trained)
  return {
    ...Object.fromEntries(trained.map(({ member }, i) => [`local-accuracy/${names[i]!}`, member.localAccuracy])),
    ...(consistency !== undefined && { 'consistency of the triples': consistency }),
  }
}

function imagesOf(contexts: Iterable<readonly LossTriple[]>): Set<number> {
  const rows = new Set<number>()
  for (const triples of contexts)
    for (const { reference, a, b } of triples) for (const row of [reference, a, b]) rows.add(row)
  return rows
}

async function merged(model: EnsembleModel, bases: readonly Base[], folder: string) {
  const networks: MergeNetwork[] = []
  for (const source of sourcesOf(model, 'query')) {
    const member = source.kind === 'member' ? model.members[source.member]! : undefined
    const { encoder } = bases[source.kind === 'base' ? source.base : member!.base]!
    const { onnx, preprocessing } = networkOf(encoder)
    const network =
      member?.form === 'network' ? await loadModel(path.join(folder, member.file)) : readModel(await onnx.bytes())
    networks.push({ name: encoder.name, model: network, input: onnx.input, output: onnx.output, preprocessing })
  }
  return mergeEnsemble(model, networks)
}
