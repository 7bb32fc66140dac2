import { createRandom, LookalikeError } from '@lookalike/core'
import { createSession, type Feeds, float32, type OnnxModel, sizeOf, type Tensor } from '@lookalike/onnx'

export interface OnnxVersions {
  /** Version of ONNX's own operators. Default: the model's. */
  readonly opset?: number | undefined
  /** Version of the file format. Default: the model's. */
  readonly irVersion?: number | undefined
}

/** How far outputs may be apart, relative to the largest. */
const TOLERANCE = 1e-5

/**
 * A model that says other versions of its operators and its format, for runtimes that take only those. Operators are not rewritten: what the model
 * computes is compared on noise, before and after, and a version under which it is another model is refused.
 *
 * @throws `export/opset`, `export/ir-version`
 */
export async function withVersions(
  model: OnnxModel,
  { opset = model.opset[''] ?? 0, irVersion = model.irVersion }: OnnxVersions,
): Promise<OnnxModel> {
  if (!Number.isInteger(irVersion) || irVersion < 3) throw badIr(irVersion)
  if (!Number.isInteger(opset) || opset < 7) throw badOpset(model, opset, 'it is no version that can be written')
  const changed: OnnxModel = { ...model, irVersion, opset: { ...model.opset, '': opset } }
  if (opset === model.opset['']) return changed
  const feeds = noise(model)
  const before = await run(model, feeds)
  let after: Record<string, Tensor>
  try {
    after = await run(changed, feeds)
  } catch (cause) {
    throw badOpset(model, opset, (cause as Error).message.slice(0, 300), cause)
  }
  for (const [name, tensor] of Object.entries(before)) {
    const off = difference(tensor, after[name]!)
    if (!(off <= TOLERANCE)) throw badOpset(model, opset, `${name} comes out otherwise`)
  }
  return changed
}

function noise({ graph }: OnnxModel): Feeds {
  const random = createRandom('versions')
  return Object.fromEntries(
    graph.inputs.map(({ name, shape = [] }) => {
      const dims = shape.map((size) => (typeof size === 'number' ? size : 2))
      return [
        name,
        float32(
          Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
          dims,
        ),
      ]
    }),
  )
}

async function run(model: OnnxModel, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await createSession(model, { name: 'the model', optimisation: 'disabled' })
  try {
    return { ...(await session.run(feeds)) }
  } finally {
    await session.dispose()
  }
}

function difference(a: Tensor, b: Tensor): number {
  if (a.data.length !== b.data.length) return Number.POSITIVE_INFINITY
  let largest = 0
  let off = 0
  for (let i = 0; i < a.data.length; i++) {
    largest = Math.max(largest, Math.abs(Number(a.data[i])))
    off = Math.max(off, Math.abs(Number(a.data[i]) - Number(b.data[i])))
  }
  return off / (largest || 1)
}

const badIr = (irVersion: number) =>
  new LookalikeError('export/ir-version', {
    problem: `The version of the file format was to be ${irVersion}`,
    expected: 'a whole number from 3 on',
  })

const badOpset = ({ opset }: OnnxModel, wanted: number, why: string, cause?: unknown) =>
  new LookalikeError(
    'export/opset',
    {
      problem: `The model, of opset ${opset[''] ?? 'unknown'}, is not the same with opset ${wanted}: ${why}`,
      expected: 'a version under which its operators mean the same',
      fix: 'Choose one nearer to its own, or export the model anew from where it was made.',
    },
    { fields: { opset: opset[''], wanted }, cause },
  )
