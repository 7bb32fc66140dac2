import { createRandom, isLookalikeError, LookalikeError, type Warning } from '@lookalike/core'
import {
  createCheckedSession,
  createSession,
  type Execution,
  type Feeds,
  float32,
  type OnnxModel,
  type Probe,
  probe,
  runtimeVersion,
  type Session,
  sizeOf,
} from '@lookalike/onnx'

import type { CompleteNetwork } from './complete-network.js'
import { type Checks, openChecks, type Verdict } from './kept-checks.js'
import { exampleFeeds, type NetworkInput } from './network-input.js'
import { quicken } from './quicken.js'

export interface Opening extends Execution {
  /** Where the outcome of the check and the rewritten network are kept, so that both are made once; in a browser the name of a cache. Default: nowhere. */
  readonly cacheFolder?: string | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export interface OpenNetwork {
  readonly session: Session
  /** Images that must be fed at once; undefined when any number may be. */
  readonly batch: number | undefined
}

/**
 * Opens a network after a check on two images of noise, once for each network: whether what the runtime makes of the graph computes the same
 * as the graph node by node (its rewriting has faults), whether several images at once work, and whether each keeps to itself. Otherwise the
 * network runs with less rewriting, or image by image, and a warning says so.
 */
export async function openNetwork(
  name: string,
  network: CompleteNetwork,
  space: string,
  { cacheFolder, onWarning, threads, providers }: Opening,
): Promise<OpenNetwork> {
  const execution = { name, threads, providers }
  const what = `${space} ${(providers ?? ['cpu']).join()} ${await runtimeVersion()}`
  const kept = await openChecks(cacheFolder, what, network.model)
  const known = await kept.readVerdict()
  const { session, verdict } = known
    ? { session: await openAs(network, known, execution, kept), verdict: known }
    : await check(network, execution, kept)
  if (!known) await kept.writeVerdict(verdict)
  for (const warning of warningsOf(name, network.model, verdict)) onWarning?.(warning)
  return { session, batch: verdict.single ? 1 : network.input.batch }
}

type Named = Execution & { readonly name: string }

async function openAs(network: CompleteNetwork, verdict: Verdict, execution: Named, kept: Checks): Promise<Session> {
  const model = verdict.quickened ? await keptOrQuickened(network, execution, verdict.single, kept) : network.model
  return createSession(model, { ...execution, optimisation: verdict.optimisation })
}

/** To quicken a network anew takes much longer than to open it. */
async function keptOrQuickened(network: CompleteNetwork, execution: Named, single: boolean, kept: Checks) {
  const known = await kept.readModel()
  if (known) return known
  const model = await quickened(network, execution, single, await probe(network.model, exampleFeeds(network.input)))
  await kept.writeModel(model)
  return model
}

async function check(
  network: CompleteNetwork,
  execution: Named,
  kept: Checks,
): Promise<{ session: Session; verdict: Verdict }> {
  const { feeds, seen, single } = await runNoise(network, execution)
  const model = await quickened(network, execution, single, seen)
  const { session, optimisation, rewritten, firstError } = await createCheckedSession(model, {
    ...execution,
    feeds,
    expected: seen.results,
    plain: network.model,
  })
  if (rewritten) await kept.writeModel(model)
  const error = Number.isFinite(firstError) ? firstError : null
  const mixed = await mixing(session, network, feeds)
  const alone = single || (mixed !== null && network.input.batch === undefined)
  return { session, verdict: { optimisation, quickened: rewritten, single: alone, mixed, error } }
}

interface Noise {
  readonly feeds: Feeds
  readonly seen: Probe
  readonly single: boolean
}

/** What the graph computes of noise, node by node: of two images, or of one where two do not go through it. */
async function runNoise({ model, input, output }: CompleteNetwork, { name, threads }: Named): Promise<Noise> {
  const run = async (images: number): Promise<Noise> => {
    const feeds = noise({ ...input, batch: images })
    const seen = await probe(model, feeds, { name, threads })
    const rows = seen.results[output]!.shape[0]
    if (rows === images) return { feeds, seen, single: images === 1 && input.batch === undefined }
    throw new LookalikeError(
      'encoder/rows',
      {
        problem: `${name} made ${rows} rows of ${images} images`,
        expected: 'one row for each image',
        fix: 'Export the model with the first dimension of input and output as the batch.',
      },
      { fields: { model: name, images, rows } },
    )
  }
  const images = input.batch ?? 2
  return run(images).catch((error: unknown) => {
    const batched = isLookalikeError(error, 'onnx/run') || isLookalikeError(error, 'encoder/rows')
    if (input.batch !== undefined || !batched) throw error
    return run(1).catch(() => {
      throw error
    })
  })
}

/** By how much of itself an embedding may change with its company: as much as other orders of summing may give. */
const COMPANY = 1e-3

/** By how much the first image's embedding changes with the others; null where it does not. */
async function mixing(session: Session, { input, output }: CompleteNetwork, feeds: Feeds): Promise<number | null> {
  const { data, shape } = feeds[input.name]!
  if (shape[0]! < 2) return null
  const own = data.length / shape[0]!
  const pixels = data as Float32Array
  const others = float32(
    pixels.map((value, i) => (i < own ? value : -value)),
    shape,
  )
  const one = (await session.run(feeds))[output]!
  const other = (await session.run({ [input.name]: others }))[output]!
  const length = one.data.length / one.shape[0]!
  let [difference, largest] = [0, 0]
  for (let i = 0; i < length; i++) {
    const [a, b] = [Number(one.data[i]), Number(other.data[i])]
    difference = Math.max(difference, Math.abs(a - b))
    largest = Math.max(largest, Math.abs(a), Math.abs(b))
  }
  const share = largest > 0 ? difference / largest : 0
  return share > COMPANY ? share : null
}

function noise({ name, batch, shape }: NetworkInput): Feeds {
  const random = createRandom('network check')
  const dims = [batch!, ...(shape.slice(1) as number[])]
  return {
    [name]: float32(
      Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
      dims,
    ),
  }
}

/** The same network with less to do. The fused operator is used where it was measured: on the CPU. */
async function quickened(
  { model }: CompleteNetwork,
  { providers }: Named,
  single: boolean,
  seen: Probe,
): Promise<OnnxModel> {
  // Shapes tell images from other sizes only where there are several.
  if (single) return model
  const onCpu = (providers ?? ['cpu']).every((provider) => provider === 'cpu')
  return quicken(model, seen, onCpu)
}

function warningsOf(
  name: string,
  { graph }: OnnxModel,
  { optimisation, quickened: quick, single, mixed, error }: Verdict,
): Warning[] {
  const warnings: Warning[] = []
  if (optimisation !== 'all' || !quick) {
    warnings.push({
      code: 'encoder/optimisation',
      message: `What onnxruntime makes of ${name} when it optimises its graph computes something else (${error === null ? 'it fails' : `off by ${(100 * error).toPrecision(2)} %`}): it runs with the optimisation "${optimisation}", which is right and slower.`,
      fields: { model: name, optimisation, error },
    })
  }
  if (mixed !== null) {
    const quantised = graph.nodes.some(({ op }) => op === 'DynamicQuantizeLinear')
    const [like, fix] = quantised
      ? ['dynamic quantisation, which gives a batch one scale, does', 'Quantise it statically.']
      : ['batch normalisation in training mode does', 'Export it in evaluation mode.']
    warnings.push({
      code: 'encoder/mixed-images',
      message:
        `What ${name} makes of an image depends on the images beside it (by ${(100 * mixed).toPrecision(2)} %), as ${like}.` +
        `${single ? ' It gets them one by one.' : ''} ${fix}`,
      fields: { model: name, share: mixed },
    })
  } else if (single) {
    warnings.push({
      code: 'encoder/one-image',
      message: `${name} says that it takes any number of images, but works for one at a time only: it gets them one by one, which is slower. Export it with a dynamic batch.`,
      fields: { model: name },
    })
  }
  return warnings
}
