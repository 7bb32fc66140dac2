import { createHash } from 'node:crypto'
import path from 'node:path'
import type { Encoder, ImageRequest, Run, TrainerRequest, TrainerResult } from '@lookalike/core'
import { loadModel, readModel, writeModel } from '@lookalike/onnx'
import { decodeMember, ENSEMBLE_FILE, encodeEnsemble } from '../combiner/ensemble-file.js'
import { type EnsembleBase, type EnsembleMember, type EnsembleModel, sourcesOf } from '../combiner/ensemble-model.js'
import { encode } from '../combiner/packed-json.js'
import type { RowTriple } from '../context/context-loss.js'
import { mapFeatures } from '../context/prepare-features.js'
import { applyHead, trainHead } from '../context/train-head.js'
import type { TrainMemberOptions } from '../context/train-member.js'
import {
  createPixelSource,
  type NetworkForm,
  networkOf,
  type PixelSource,
  trainNetwork,
} from '../context/train-network.js'
import { type MergeNetwork, mergeEnsemble } from '../merge/merge-ensemble.js'
import { renderMap } from '../weights/render-map.js'
import type { ContextTrainerOptions, ContextTrainerParts } from './context-trainer.js'
import { accuracyOf, cutContext, learnFeatures, learnWeights, type MemberOutputs, pickRows } from './learn-ensemble.js'
import { readContexts } from './read-contexts.js'

export const MERGED_FILE = 'ensemble.onnx'

/** An encoder that members start from, and what it makes of the dataset. */
interface Base {
  readonly encoder: Encoder
  readonly facts: EnsembleBase
  readonly features: Float32Array
  readonly pixels: PixelSource | undefined
}

/** Trains a member for every context, from every encoder, fits the weights and writes the ensemble. */
export async function trainEnsemble(
  settings: ContextTrainerOptions,
  parts: ContextTrainerParts,
  request: TrainerRequest,
): Promise<TrainerResult> {
  const { dataset, run, signal, onProgress, onWarning } = request
  const { seed } = run
  const options = trainingOptions(settings, seed, signal)
  const { contexts, validation, warnings, consistency } = readContexts(dataset, settings.softLabels, options.batchSize)
  for (const warning of warnings) onWarning?.(warning)
  const images = dataset.items.map(({ source, box }): ImageRequest => ({ source, ...(box && { box }) }))
  const embed = async (encoder: Encoder) =>
    (await request.embed(encoder, images, { onCorrupt: 'fail' })).embeddings.data
  const training = new Set([...contexts.values()].flat().flatMap(({ reference, a, b }) => [reference, a, b]))
  const bases: Base[] = []
  for (const [at, encoder] of [request.encoder, ...(parts.encoders ?? [])].entries()) {
    if (settings.member.use !== 'head' || at > 0 || settings.merge) networkOf(encoder)
    const embeddings = await embed(encoder)
    const map = learnFeatures(embeddings, encoder.dim, training, settings)
    const file = await saveBase(encoder, run, at)
    bases.push({
      encoder,
      facts: { name: encoder.name, space: encoder.space, features: map, ...(file !== undefined && { file }) },
      features: mapFeatures(map, embeddings),
      pixels: encoder.input.kind === 'pixels' ? createPixelSource(images, encoder.input.preprocessing) : undefined,
    })
  }

  const members: EnsembleMember[] = []
  const outputs: MemberOutputs[] = []
  const jobs = [...contexts].flatMap(([context, own]) => bases.map((base, at) => ({ context, own, base, at })))
  const done = (note?: string) =>
    onProgress?.({
      phase: 'train',
      done: members.length,
      total: jobs.length,
      unit: 'member',
      ...(note !== undefined && { note }),
    })
  done()
  for (const { context, own, base, at } of jobs) {
    signal?.throwIfAborted()
    const { member: form } = settings
    const fingerprint = createHash('sha256')
      .update(
        encode([
          form,
          { ...options, signal: undefined },
          base.encoder.space,
          form.use === 'head' && base.facts.features,
          own,
        ]),
      )
      .digest('hex')
      .slice(0, 16)
    const file = `members/${fingerprint}.json`
    const before = run.resumed ? await readMember(run, file) : undefined
    const [member, output] =
      form.use === 'head'
        ? await headMember(before, context, at, base, own, options)
        : await networkMember(before, context, at, base, own, {
            ...options,
            form,
            name: fingerprint,
            run,
            parts,
            embed,
          })
    if (!before) await run.write(file, encode(member))
    members.push(member)
    outputs.push(output)
    done(`${context}: ${(100 * member.localAccuracy).toFixed(1)} %`)
  }
  const nameOf = ({ context, base }: EnsembleMember) =>
    bases.length === 1 ? context : `${context} from ${bases[base]!.encoder.name}`

  const [first] = bases as [Base]
  const { dim } = first.facts.features.pca
  const weights = learnWeights(outputs, first.features, dim, validation, settings.weights, seed)
  if (weights.kind === 'credibility-map') {
    const references = new Set(validation.map(({ reference }) => reference))
    await run.write(
      'credibility-map.svg',
      renderMap(weights, pickRows(first.features, dim, references), members.map(nameOf)),
    )
  }
  const model: EnsembleModel = { bases: bases.map(({ facts }) => facts), members, weights }
  await run.write(ENSEMBLE_FILE, encodeEnsemble(model))
  await run.artefact('ensemble', ENSEMBLE_FILE)
  if (settings.merge) {
    await run.write(MERGED_FILE, writeModel(await merged(model, bases, run.folder)))
    await run.artefact('merged', MERGED_FILE)
  }
  const metrics = {
    ...Object.fromEntries(members.map((member) => [`local-accuracy/${nameOf(member)}`, member.localAccuracy])),
    ...(consistency !== undefined && { 'consistency of the triples': consistency }),
  }
  await run.card({
    data: { images: images.length, contexts: contexts.size, validationTriples: validation.length },
    options: settings,
    encoders: bases.map(({ encoder: { name, space } }) => ({ name, space })),
    metrics,
    stopped: 'finished',
  })
  return { artefact: ENSEMBLE_FILE, metrics, stopped: 'finished' }
}

/** A member that an earlier attempt finished. */
async function readMember(run: Run, file: string): Promise<EnsembleMember | undefined> {
  const bytes = await run.read(file)
  return bytes && decodeMember(Buffer.from(bytes).toString('utf8'))
}

/** What the paper says for networks; heads are ours. */
function trainingOptions(
  { member, objective, temperature, ...given }: ContextTrainerOptions,
  seed: number,
  signal: AbortSignal | undefined,
): TrainMemberOptions {
  const head = member.use === 'head'
  return {
    epochs: given.epochs ?? (head ? 6 : 25),
    batchSize: given.batchSize ?? (head ? 32 : 8),
    learningRate: given.learningRate ?? { head: 1e-3, all: 1e-5, lora: 1e-4 }[member.use],
    weightDecay: given.weightDecay ?? (head ? 3e-3 : 0),
    objective,
    temperature,
    seed,
    ...(signal && { signal }),
  }
}

async function headMember(
  before: EnsembleMember | undefined,
  context: string,
  at: number,
  { facts, features }: Base,
  own: readonly RowTriple[],
  options: TrainMemberOptions,
): Promise<[EnsembleMember, MemberOutputs]> {
  const { train, held } = cutContext(own)
  const { dim } = facts.features.pca
  const head =
    before?.form === 'head'
      ? before.head
      : await trainHead(features, dim, train, { ...options, seed: `${options.seed}/${context}` })
  const output: MemberOutputs = { data: applyHead(head, features), dim: head.dim }
  return [{ form: 'head', context, base: at, localAccuracy: accuracyOf(output, held), head }, output]
}

interface NetworkMemberOptions extends TrainMemberOptions {
  readonly form: NetworkForm
  /** Names the member's file. */
  readonly name: string
  readonly run: Run
  readonly parts: ContextTrainerParts
  embed(encoder: Encoder): Promise<Float32Array>
}

/** Measured as it will be served: by an encoder that is opened from the member's file. */
async function networkMember(
  before: EnsembleMember | undefined,
  context: string,
  at: number,
  base: Base,
  own: readonly RowTriple[],
  options: NetworkMemberOptions,
): Promise<[EnsembleMember, MemberOutputs]> {
  const { name, run, parts } = options
  const { train, held } = cutContext(own)
  const file = path.join('members', `${name}.onnx`)
  if (before?.form !== 'network') {
    const trained = await trainNetwork(base.encoder, base.pixels!, train, {
      ...options,
      seed: `${options.seed}/${context}`,
      ...(parts.threads !== undefined && { threads: parts.threads }),
    })
    await run.write(file, writeModel(trained))
  }
  const encoder = await parts.openNetwork(path.join(run.folder, file), name)
  try {
    const { dim, space } = encoder
    const output: MemberOutputs = { data: await options.embed(encoder), dim }
    return [
      { form: 'network', context, base: at, localAccuracy: accuracyOf(output, held), name, space, dim, file },
      output,
    ]
  } finally {
    await encoder.dispose()
  }
}

/** Keeps a base's network with the ensemble, so that the folder is whole; an encoder that is none stays outside. */
async function saveBase(encoder: Encoder, run: Run, at: number): Promise<string | undefined> {
  if (!encoder.onnx || encoder.input.kind !== 'pixels') return undefined
  const file = `encoder-${at + 1}.onnx`
  await run.write(file, await encoder.onnx.bytes())
  return file
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
