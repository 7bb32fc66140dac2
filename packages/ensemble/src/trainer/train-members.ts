import { createHash } from 'node:crypto'
import path from 'node:path'
import type { LossTriple, Run, TrainerRequest } from '@lookalike/core'
import { writeModel } from '@lookalike/onnx'
import { decodeMember } from '../combiner/ensemble-file.js'
import type { EnsembleMember } from '../combiner/ensemble-model.js'
import { encode } from '../combiner/packed-json.js'
import { applyHead, trainHead } from '../context/train-head.js'
import { stepsOf, type TrainMemberOptions } from '../context/train-member.js'
import { type NetworkForm, trainNetwork } from '../context/train-network.js'
import { accuracyOf, cutContext, type MemberOutputs } from './learn-ensemble.js'
import type { Base, EmbedAll } from './open-bases.js'
import type { ContextTrainerOptions, ContextTrainerParts } from './trainer-options.js'

/** One member to train: a context, from one of the bases. */
export interface MemberJob {
  readonly context: string
  readonly triples: readonly LossTriple[]
  readonly base: Base
  /** The base's position. */
  readonly at: number
}

export interface TrainedMember {
  readonly member: EnsembleMember
  readonly output: MemberOutputs
}

type Options = Omit<TrainMemberOptions, 'run' | 'about' | 'onProgress'>

/** What the paper says for networks; heads are ours. */
export function trainingOptions(
  { member, ...given }: ContextTrainerOptions,
  { loss }: ContextTrainerParts,
  { run, signal, onWarning }: TrainerRequest,
): Options {
  const head = member.use === 'head'
  return {
    epochs: given.epochs ?? (head ? 6 : 25),
    batchSize: given.batchSize ?? (head ? 32 : 8),
    learningRate: given.learningRate ?? { head: 1e-3, all: 1e-5, lora: 1e-4 }[member.use],
    weightDecay: given.weightDecay ?? (head ? 3e-3 : 0),
    loss,
    seed: run.seed,
    signal,
    onWarning,
  }
}

/** Trains a member for every job; those that an earlier attempt finished are taken as they are. Undefined when the signal aborted. */
export async function trainMembers(
  jobs: readonly MemberJob[],
  settings: ContextTrainerOptions,
  parts: ContextTrainerParts,
  options: Options,
  { run, signal, onProgress }: TrainerRequest,
  embed: EmbedAll,
): Promise<TrainedMember[] | undefined> {
  const steps = jobs.map(({ triples }) => stepsOf(cutContext(triples).train.length, options))
  const total = steps.reduce((sum, one) => sum + one, 0)
  const trained: TrainedMember[] = []
  let before = 0
  for (const [i, job] of jobs.entries()) {
    if (signal?.aborted) return undefined
    const { context, base, triples } = job
    const name = fingerprint(job, settings, options)
    const part = run.part(`member-${i + 1}`)
    const own: MemberOptions = {
      ...options,
      seed: `${run.seed}/${context}`,
      run: part,
      about: { context, encoder: base.encoder.name },
      onProgress: ({ done, note }) =>
        onProgress?.({ phase: 'train', done: before + done, total, unit: 'step', note: `${context}: ${note ?? ''}` }),
      name,
      form: settings.member,
      folder: run,
      parts,
      providers: settings.providers,
      embed,
    }
    const known = run.resumed ? await readMember(run, name) : undefined
    const made = await (settings.member.use === 'head' ? headMember : networkMember)(known, job, own)
    if (!made) return undefined
    const localAccuracy = accuracyOf(made.output, cutContext(triples).held)
    const member = { ...made.member, context, base: job.at, localAccuracy }
    if (!known) {
      await run.write(memberFile(name), encode(member))
      await part.checkpoints.remove('last')
      await part.log.write({ event: 'measured', context, encoder: base.encoder.name, localAccuracy })
    }
    trained.push({ member, output: made.output })
    before += steps[i]!
    onProgress?.({
      phase: 'train',
      done: before,
      total,
      unit: 'step',
      note: `${context}: ${(100 * localAccuracy).toFixed(1)} %`,
    })
  }
  return trained
}

interface MemberOptions extends TrainMemberOptions {
  readonly form: ContextTrainerOptions['member']
  /** Names the member's files. */
  readonly name: string
  readonly folder: Run
  readonly parts: ContextTrainerParts
  readonly providers: ContextTrainerOptions['providers']
  readonly embed: EmbedAll
}

/** A member without what its context says of it. */
interface MadeMember {
  readonly member: DistributiveOmit<EnsembleMember, 'context' | 'base' | 'localAccuracy'>
  readonly output: MemberOutputs
}
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

async function headMember(
  known: EnsembleMember | undefined,
  { base: { facts, features }, triples }: MemberJob,
  options: MemberOptions,
): Promise<MadeMember | undefined> {
  const { dim } = facts.features.pca
  const head = known?.form === 'head' ? known.head : await trainHead(features, dim, cutContext(triples).train, options)
  return head && { member: { form: 'head', head }, output: { data: applyHead(head, features), dim: head.dim } }
}

/** Measured as it will be served: by an encoder that is opened from the member's file. */
async function networkMember(
  known: EnsembleMember | undefined,
  { base, triples }: MemberJob,
  { name, folder, parts, providers, embed, form, ...options }: MemberOptions,
): Promise<MadeMember | undefined> {
  const file = `members/${name}.onnx`
  if (known?.form !== 'network') {
    const network = await trainNetwork(base.encoder, base.pixels!, cutContext(triples).train, {
      ...options,
      form: form as NetworkForm,
      execution: { threads: parts.threads, providers },
    })
    if (!network) return undefined
    await folder.write(file, writeModel(network))
  }
  const encoder = await parts.openNetwork(path.join(folder.folder, file), name)
  try {
    const { dim, space } = encoder
    return { member: { form: 'network', name, space, dim, file }, output: { data: await embed(encoder), dim } }
  } finally {
    await encoder.dispose()
  }
}

/** Names a member by all that it comes from. */
function fingerprint({ base, triples }: MemberJob, { member, loss }: ContextTrainerOptions, options: Options): string {
  const { epochs, batchSize, learningRate, weightDecay, seed } = options
  return createHash('sha256')
    .update(
      encode([
        member,
        { loss, epochs, batchSize, learningRate, weightDecay, seed },
        base.encoder.space,
        member.use === 'head' && base.facts.features,
        triples,
      ]),
    )
    .digest('hex')
    .slice(0, 16)
}

const memberFile = (name: string) => `members/${name}.json`

/** A member that an earlier attempt finished. */
async function readMember(run: Run, name: string): Promise<EnsembleMember | undefined> {
  const bytes = await run.read(memberFile(name))
  return bytes && decodeMember(Buffer.from(bytes).toString('utf8'))
}
