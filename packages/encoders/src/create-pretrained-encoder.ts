import { type Encoder, LookalikeError, type Preprocessing } from '@lookalike/core'
import { loadModel, type OnnxModel } from '@lookalike/onnx'
import type { HubOptions } from './hub/hub-options.js'
import { type ModelFiles, openModelFiles } from './hub/model-files.js'
import { type Reading, tokensOf } from './network/complete-network.js'
import { createNetworkEncoder, type Running } from './network/create-network-encoder.js'
import type { Pooling } from './network/pooling.js'
import { parseJson } from './network/resolve-preprocessing.js'
import { candidateFiles, type Dtype, FAMILIES, type Family } from './presets/families.js'
import { readPreprocessorConfig } from './presets/read-preprocessor-config.js'

export interface PretrainedEncoderOptions
  extends Omit<Running, 'cacheFolder'>,
    HubOptions,
    Pick<Reading, 'projection' | 'normalise'> {
  /** `deit`, `deit-distilled`, `pretrained-vit`, `dino`, `dinov2`, `clip`, `siglip`. */
  readonly family: string
  /** A repository on the hub (`owner/name`), or a folder laid out like one. Default: the family's. */
  readonly model?: string
  /** Relative folders start here. Default: the working directory. */
  readonly folder?: string
  /** Which variant of the weights: `fp32`, `fp16` or `q8`. Default `fp32`. */
  readonly dtype?: Dtype
  /** Default: the family's. */
  readonly pooling?: Exclude<Pooling, 'none'>
  /** Default: from the repository's `preprocessor_config.json`. */
  readonly preprocessing?: Preprocessing
}

/**
 * A pretrained encoder from a model repository's usual files: `config.json`, `preprocessor_config.json`, `onnx/model*.onnx`.
 *
 * @throws `hub/...` when files cannot be had, `encoder/family` when the repository holds another kind of model.
 * @example
 * const encoder = await createPretrainedEncoder({ family: 'dino', model: './models/dino-vits16', cacheFolder: '.cache' })
 */
export async function createPretrainedEncoder(options: PretrainedEncoderOptions): Promise<Encoder> {
  const { dtype = 'fp32', preprocessing, pooling, folder = process.cwd() } = options
  const family = familyNamed(options.family)
  const files = await openModelFiles(options.model ?? family.defaultModel, folder, options)
  const config = (await readJson(files, 'config.json')) as { model_type?: unknown; num_register_tokens?: unknown }
  checkFamily(family, config.model_type, files.name)
  const spec =
    preprocessing ??
    readPreprocessorConfig(
      await readJson(files, 'preprocessor_config.json'),
      `preprocessor_config.json of ${files.name}`,
    )
  const model = await loadNetwork(files, family, dtype)
  const name = `${family.name}/${files.name.split(/[\\/]/).findLast(Boolean)}${dtype === 'fp32' ? '' : `-${dtype}`}`
  return createNetworkEncoder(name, model, spec, {
    ...options,
    ...readingOf(family, model, pooling, files.name),
    prefixTokens: prefixTokens(family, config.num_register_tokens),
  })
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

async function readJson(files: ModelFiles, path: string): Promise<unknown> {
  const { bytes, file } = await files.require([path], path)
  return parseJson(Buffer.from(bytes).toString('utf8'), file)
}

async function loadNetwork(files: ModelFiles, family: Family, dtype: Dtype): Promise<OnnxModel> {
  const paths = candidateFiles(family, dtype)
  const { path, file } = await files.require(paths, `ONNX file of ${family.name} in ${dtype}`)
  // Large models keep their weights beside them; the file must be there before the model is read.
  await files.find([`${path}_data`])
  return loadModel(file)
}

function checkFamily(family: Family, modelType: unknown, name: string): void {
  if (typeof modelType !== 'string' || family.modelTypes.includes(modelType)) return
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
