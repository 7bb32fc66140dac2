import { dirname, posix } from 'node:path'
import { type Encoder, isLookalikeError, LookalikeError, type Preprocessing } from '@lookalike/core'
import { loadModel, type OnnxModel } from '@lookalike/onnx'
import type { HubOptions } from './hub/hub-options.js'
import { type ModelFile, type ModelFiles, openModelFiles } from './hub/model-files.js'
import { findLayout, type ModelLayout } from './hub/model-layout.js'
import { type Reading, tokensOf } from './network/complete-network.js'
import { createNetworkEncoder, type Running } from './network/create-network-encoder.js'
import { mergePreprocessing, type PreprocessingChanges } from './network/merge-preprocessing.js'
import type { Pooling } from './network/pooling.js'
import { parseJson } from './network/resolve-preprocessing.js'
import { candidateFiles, type Dtype, FAMILIES, type Family } from './presets/families.js'
import { readPreprocessorConfig } from './presets/read-preprocessor-config.js'
import { findSafetensors } from './weights/find-safetensors.js'
import { vitOfConfig } from './weights/vit-of-config.js'

export interface PretrainedEncoderOptions
  extends Omit<Running, 'cacheFolder'>,
    HubOptions,
    Pick<Reading, 'projection' | 'normalise'> {
  /** `deit`, `deit-distilled`, `pretrained-vit`, `dino`, `dinov2`, `dinov3`, `clip`, `siglip`. */
  readonly family: string
  /** A repository on the hub (`owner/name`), or a folder laid out like one. Default: the family's. */
  readonly model?: string | undefined
  /** Relative folders start here. Default: the working directory. */
  readonly folder?: string | undefined
  /** Which variant of the weights: `fp32`, `fp16` or `q8`. Default `fp32`. */
  readonly dtype?: Dtype | undefined
  /** Default: the family's. */
  readonly pooling?: Exclude<Pooling, 'none'> | undefined
  /** What it says goes before the repository's files: `{ resize: { mode: 'shortest-edge', size: 256 } }` leaves the rest as it is. */
  readonly preprocessing?: PreprocessingChanges | undefined
}

/**
 * A pretrained encoder from a model repository's usual files: `config.json`, `preprocessor_config.json`, and `onnx/model*.onnx` or, for ViT, DeiT, DINO
 * and DINOv2, `model.safetensors`. Repositories in the layout of sentence-transformers are entered at their first module.
 *
 * @throws `hub/...` when files cannot be had, `encoder/family` when the repository holds another kind of model.
 * @example
 * const encoder = await createPretrainedEncoder({ family: 'dino', model: './models/dino-vits16', cacheFolder: '.cache' })
 */
export async function createPretrainedEncoder(options: PretrainedEncoderOptions): Promise<Encoder> {
  const { dtype = 'fp32', folder = process.cwd() } = options
  const family = familyNamed(options.family)
  const files = await openModelFiles(options.model ?? family.defaultModel, folder, options)
  const layout = await findLayout(files)
  const config = (await requireJson(files, layout.path('config.json'))) as ModelConfig
  checkFamily(family, config, files.name)
  const { resize, crop } = options.preprocessing ?? {}
  const found = await mergePreprocessing(options.preprocessing, () =>
    findPreprocessing(files, layout, config).catch((error: unknown) => {
      // Whoever says how images are cut needs no more from a repository that says nothing.
      if (resize && crop && isLookalikeError(error, 'hub/not-found')) return undefined
      throw error
    }),
  )
  // Without changes it was found, or finding it threw.
  const spec = found!
  const model = await loadNetwork(files, layout, family, dtype, config, spec)
  const name = `${family.name}/${files.name.split(/[\\/]/).findLast(Boolean)}${dtype === 'fp32' ? '' : `-${dtype}`}`
  return createNetworkEncoder(name, model, spec, {
    ...options,
    ...readingOf(family, model, options.pooling ?? layout.pooling, files.name),
    prefixTokens: prefixTokens(family, config.num_register_tokens),
  })
}

interface ModelConfig {
  readonly model_type?: unknown
  readonly num_register_tokens?: unknown
  readonly pretrained_cfg?: unknown
}

function familyNamed(name: string): Family {
  const family = FAMILIES.find((one) => one.name === name)
  if (family) return family
  throw new LookalikeError(
    'encoder/family',
    { problem: `There is no family ${name}`, expected: FAMILIES.map((one) => one.name).join(', ') },
    { fields: { family: name } },
  )
}

async function requireJson(files: ModelFiles, path: string): Promise<unknown> {
  const { bytes, file } = await files.require([path], path)
  return parseJson(Buffer.from(bytes).toString('utf8'), file)
}

async function findPreprocessing(files: ModelFiles, layout: ModelLayout, config: ModelConfig): Promise<Preprocessing> {
  const paths = ['preprocessor_config.json', 'processor_config.json'].map(layout.path)
  // Models of timm say it in their config.
  const found =
    typeof config.pretrained_cfg === 'object' ? await files.find(paths) : await files.require(paths, paths[0]!)
  if (!found) return readPreprocessorConfig(config, `${layout.path('config.json')} of ${files.name}`)
  const json = parseJson(Buffer.from(found.bytes).toString('utf8'), found.file)
  return readPreprocessorConfig(json, `${found.path} of ${files.name}`)
}

async function loadNetwork(
  files: ModelFiles,
  layout: ModelLayout,
  family: Family,
  dtype: Dtype,
  config: ModelConfig,
  { crop }: Preprocessing,
): Promise<OnnxModel> {
  // Exports of a repository in the layout of sentence-transformers lie at its top.
  const paths = [...new Set(candidateFiles(family, dtype).flatMap((path) => [layout.path(path), path]))]
  const found = await files.find(paths)
  if (found) return loadWithData(files, found)
  if (dtype === 'fp32') {
    const weights = await findSafetensors(files, layout.path)
    if (weights) return vitOfConfig(config, weights.weights, crop, weights.name)
  }
  const { path, file } = await files.require(paths, `ONNX file of ${family.name} in ${dtype}`)
  return loadWithData(files, { path, file })
}

/** Large models keep their weights in files beside them, which are fetched as the model asks for them. */
async function loadWithData(files: ModelFiles, model: Pick<ModelFile, 'path' | 'file'>): Promise<OnnxModel> {
  const fetched = new Set<string>()
  for (;;) {
    try {
      return await loadModel(model.file)
    } catch (error) {
      const location = isLookalikeError(error, 'onnx/external-data') ? String(error.fields['location']) : ''
      const path = posix.join(posix.dirname(model.path), location)
      if (location === '' || path.startsWith('..') || fetched.has(path)) throw error
      fetched.add(path)
      const beside = await files.find([path])
      if (!beside || dirname(beside.file) !== dirname(model.file)) throw error
    }
  }
}

function checkFamily(family: Family, { model_type: modelType }: ModelConfig, name: string): void {
  // timm's wrapper tells nothing of the model inside.
  if (typeof modelType !== 'string' || modelType === 'timm_wrapper' || family.modelTypes.includes(modelType)) return
  const right = FAMILIES.filter(({ modelTypes }) => modelTypes.includes(modelType)).map((one) => one.name)
  throw new LookalikeError(
    'encoder/family',
    {
      problem: `${name} is a model of the type ${modelType}, not of the family ${family.name}`,
      expected: `the type ${family.modelTypes.join(' or ')}`,
      fix:
        right.length > 0
          ? `Use ${right.join(' or ')}.`
          : 'Use the encoder `onnx` with the model file, and say output and pooling.',
    },
    { fields: { model: name, modelType, family: family.name } },
  )
}

/** Which output to read and how to pool it. Exports for classification give class scores alone: their tokens are read from inside. */
function readingOf(
  family: Family,
  model: OnnxModel,
  pooling: Pooling | undefined,
  name: string,
): Pick<Reading, 'output' | 'pooling'> {
  const outputs = model.graph.outputs.map((output) => output.name)
  const vector = family.vectors.find((wanted) => outputs.includes(wanted))
  if (vector !== undefined && pooling === undefined) return { output: vector }
  const tokens = outputs.includes('last_hidden_state') ? 'last_hidden_state' : tokensOf(model)
  if (tokens !== undefined) return { output: tokens, pooling: pooling ?? family.pooling }
  throw new LookalikeError(
    'encoder/output',
    {
      problem: `${name} gives ${outputs.join(', ')}, and no tokens can be found behind them`,
      expected: `an output ${[...family.vectors, 'last_hidden_state'].join(' or ')}`,
      fix: 'Export the model for feature extraction.',
    },
    { fields: { model: name, outputs } },
  )
}

function prefixTokens(family: Family, registers: unknown): number {
  const leading = family.name === 'siglip' ? 0 : family.name === 'deit-distilled' ? 2 : 1
  return leading + (typeof registers === 'number' ? registers : 0)
}
