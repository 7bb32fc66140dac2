import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Encoder, LookalikeError, type Preprocessing, type Warning } from '@lookalike/core'
import { createGraphBuilder, type OnnxModel, readModel, saveModel, toInt8 } from '@lookalike/onnx'
import { preprocessingEntry } from '../network/preprocessing-entry.js'
import { processorOf } from './processor-of.js'
import { newFolder, writeWholeFolder } from './whole-folder.js'
import { type OnnxVersions, withVersions } from './with-versions.js'

/** What transformers.js feeds, and where it looks for the embedding of an image. */
const INPUT = 'pixel_values'
const OUTPUT = 'image_embeds'
export const QUANTISED_FILE = 'onnx/model_quantized.onnx'

export interface ExportModelOptions extends OnnxVersions {
  /** Writes `onnx/model_quantized.onnx` too, with 8-bit weights: `dtype: 'q8'`. Default false. */
  readonly int8?: boolean | undefined
  /** Text of `README.md`. Default: none is written. */
  readonly readme?: string | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export interface ExportedModel {
  /** Absolute. */
  readonly folder: string
  /** Below the folder, with forward slashes. */
  readonly files: readonly string[]
  readonly opset: number
  readonly irVersion: number
}

/**
 * Writes an encoder as a folder that transformers.js, and in Python onnxruntime with transformers' image processors, load to the same vectors:
 * `onnx/model.onnx` (`pixel_values` to `image_embeds`, pooling and normalising included), `config.json`, `preprocessor_config.json`. The whole folder is
 * there at the end, or nothing.
 *
 * @throws `export/no-network` for encoders that are not ONNX, `export/preprocessing`, `export/opset`, `export/ir-version`, `export/exists`, `export/write`
 *
 * @example
 * await exportModel(encoder, 'my-model', { opset: 17 })
 */
export async function exportModel(
  encoder: Encoder,
  to: string,
  { int8 = false, readme, onWarning, ...versions }: ExportModelOptions = {},
): Promise<ExportedModel> {
  if (!encoder.onnx || encoder.input.kind !== 'pixels') throw noNetwork(encoder.name)
  const { preprocessing } = encoder.input
  const processor = processorOf(preprocessing)
  if (preprocessing.resize.mode === 'pad') onWarning?.(padding(encoder.name, preprocessing))
  const folder = await newFolder(to)
  const model = renamed(readModel(await encoder.onnx.bytes(), { source: encoder.name }), encoder.onnx)
  const changed = await withVersions(model, versions)
  const whole = { ...changed, metadata: { ...changed.metadata, ...preprocessingEntry(preprocessing) } }
  const { crop } = preprocessing
  const config = {
    model_type: 'lookalike',
    architectures: ['LookalikeModel'],
    hidden_size: encoder.dim,
    image_size: crop.width === crop.height ? crop.width : [crop.height, crop.width],
    num_channels: 3,
    lookalike: { name: encoder.name, space: encoder.space, preprocessing },
  }
  const texts: Record<string, string> = {
    'config.json': json(config),
    'preprocessor_config.json': json(processor),
    ...(readme !== undefined && { 'README.md': readme }),
  }
  await writeWholeFolder(folder, async (temporary) => {
    await mkdir(path.join(temporary, 'onnx'))
    await saveModel(path.join(temporary, 'onnx/model.onnx'), whole)
    if (int8) await saveModel(path.join(temporary, QUANTISED_FILE), toInt8(whole))
    for (const [name, text] of Object.entries(texts)) await writeFile(path.join(temporary, name), text, { flush: true })
  })
  const files = [...Object.keys(texts), 'onnx/model.onnx', ...(int8 ? [QUANTISED_FILE] : [])].sort()
  return { folder, files, opset: whole.opset[''] ?? 0, irVersion: whole.irVersion }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** The same model with the names that transformers.js knows. */
function renamed(model: OnnxModel, { input, output }: { readonly input: string; readonly output: string }): OnnxModel {
  const g = createGraphBuilder({ name: model.graph.name })
  const given = model.graph.inputs.find(({ name }) => name === input)!
  const fed = g.input(INPUT, given.type ?? 'float32', ['batch', ...(given.shape ?? []).slice(1)])
  const made = g.include(model.graph, { [input]: fed }, 'network/')
  const { name: _, ...info } = model.graph.outputs.find(({ name }) => name === output)!
  g.output(made[output]!, OUTPUT, { ...info, shape: info.shape && ['batch', ...info.shape.slice(1)] })
  return { ...model, graph: g.graph() }
}

function padding(name: string, { crop, background }: Preprocessing): Warning {
  return {
    code: 'export/padding',
    message: `${name} pads images on the colour ${background.join(', ')} to the shape ${crop.width} x ${crop.height}, which processors of transformers cannot: pad images before they get them, or vectors of other shapes differ.`,
    fields: { crop, background },
  }
}

const noNetwork = (name: string) =>
  new LookalikeError('export/no-network', {
    problem: `The encoder ${name} is no ONNX network`,
    expected: 'an encoder such as builtin, onnx or dinov2, or what training wrote',
  })
