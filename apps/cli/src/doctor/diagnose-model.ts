import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRandom, type Encoder, LookalikeError } from '@lookalike/core'
import type { OnnxModel, TrainingDiagnosis, ValueInfo } from '@lookalike/onnx'
import { openProject, type ProjectArgs, withModel } from '../open-project.js'
import type { Finding } from './diagnose.js'

/** Obstacles listed one by one; a model with more of them has the same few again and again. */
const SHOWN = 10

/** Looks at one ONNX file: does it embed images as `evaluate --model` would have it, can it be trained, and if not, which nodes stand in the way? */
export async function diagnoseModel(file: string, at: ProjectArgs): Promise<Finding[]> {
  const { diagnoseTraining, loadModel } = await import('@lookalike/onnx')
  const full = path.resolve(file)
  const findings: Finding[] = []
  let model: OnnxModel
  try {
    model = await loadModel(full)
    const { inputs, outputs, nodes } = model.graph
    const size = `${sizeText((await stat(full)).size)}, opset ${model.opset[''] ?? 1}, ${nodes.length} nodes`
    findings.push({ check: 'model', status: 'ok', detail: `${full}: ${size}, ${shapes(inputs)} -> ${shapes(outputs)}` })
  } catch (error) {
    return [{ check: 'model', status: 'fail', detail: messageOf(error) }]
  }
  findings.push(...(await encodingFindings(full, at)))
  try {
    findings.push(...trainingFindings(await diagnoseTraining(model)))
  } catch (error) {
    findings.push({ check: 'model trains', status: 'fail', detail: messageOf(error) })
  }
  return findings
}

/** Opens the model as an encoder, which checks the runtime's results, and embeds one batch. */
async function encodingFindings(file: string, at: ProjectArgs): Promise<Finding[]> {
  const warnings: Finding[] = []
  // What was found at an earlier opening is not to be taken for granted here.
  const cacheFolder = await mkdtemp(path.join(tmpdir(), 'lookalike-doctor-'))
  try {
    const { loaded, registry } = await openProject(at, withModel({}, file))
    const { folder, config } = loaded
    const encoder = await (await registry()).create('encoder', config.encoder!, {
      folder,
      cacheFolder,
      seed: config.seed,
      onWarning: ({ message }) => warnings.push({ check: 'model runs', status: 'warn', detail: message }),
    })
    try {
      return [{ check: 'model runs', status: 'ok', detail: await embedOne(encoder) }, ...warnings]
    } finally {
      await encoder.dispose()
    }
  } catch (error) {
    return [{ check: 'model runs', status: 'fail', detail: messageOf(error) }, ...warnings]
  } finally {
    await rm(cacheFolder, { recursive: true, force: true })
  }
}

async function embedOne({ input, encode, dim, batchSize, space }: Encoder): Promise<string> {
  if (input.kind !== 'pixels') return `${dim} dimensions`
  const { width, height } = input.preprocessing.crop
  const random = createRandom('doctor')
  const data = Float32Array.from({ length: batchSize * 3 * width * height }, () => random.normal())
  const { data: vectors } = await encode({ kind: 'pixels', data, count: batchSize })
  if (vectors.some((value) => !Number.isFinite(value))) {
    throw new LookalikeError('cli/not-finite', {
      problem: 'Some of the values that it makes of noise are no numbers',
      fix: 'Look at the export: a half-precision model overflows where a single-precision one does not.',
    })
  }
  return `${batchSize} images of ${width} x ${height} pixels at once -> ${dim} dimensions, as the graph says (space ${space.slice(0, 24)})`
}

const sizeText = (bytes: number) =>
  bytes < 2 ** 20 ? `${Math.ceil(bytes / 2 ** 10)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`

/** What is no error of ours is one of the model's all the same. */
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function shapes(values: readonly ValueInfo[]): string {
  return values
    .map(({ name, shape }) => `${name} [${(shape ?? []).map((dimension) => dimension ?? '?').join(', ')}]`)
    .join(', ')
}

function trainingFindings({
  trainable,
  weights,
  parameters,
  obstacles,
  weightsAfterObstacles,
}: TrainingDiagnosis): Finding[] {
  if (trainable)
    return [
      {
        check: 'model trains',
        status: 'ok',
        detail: `all ${weights.length} weight tensors (${parameters.toLocaleString('en')} values)`,
      },
    ]
  if (weights.length === 0) {
    return [
      {
        check: 'model trains',
        status: 'fail',
        detail: 'it has no float weights that its outputs depend on',
        remedy: 'Export it in float32; 8-bit models cannot be trained. A head on top of it can be.',
      },
    ]
  }
  const shown = obstacles
    .slice(0, SHOWN)
    .map(
      ({ node, problem }): Finding => ({ check: 'model trains', status: 'fail', detail: `node ${node}: ${problem}` }),
    )
  const more = obstacles.length - shown.length
  const remedy =
    weightsAfterObstacles.length === weights.length
      ? `Export it in float32. As it is, only ${weights.length} float weight tensors (${parameters.toLocaleString('en')} values) can be trained; a head on top of it can be.`
      : weightsAfterObstacles.length > 0
        ? `${weightsAfterObstacles.length} of ${weights.length} weight tensors come after every such node and can be trained: freeze the others.`
        : 'Export the model with other operators (a lower or higher opset, without fusing), or train a head on its embeddings.'
  return [
    ...shown,
    {
      check: 'model trains',
      status: 'fail',
      detail: `${obstacles.length} ${obstacles.length === 1 ? 'node has' : 'nodes have'} no gradient${more > 0 ? `, ${more} of them not listed` : ''}`,
      remedy,
    },
  ]
}
