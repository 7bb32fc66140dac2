/**
 * JPEG files to embeddings, end to end, against (1) the bare `session.run` of the same ONNX file, opened as anyone would, on ready tensors, (2) the
 * image-feature-extraction pipeline of `@huggingface/transformers` on the same files and ONNX file and (3) the encoder's own session, which runs the
 * file's network with less to do, on ready tensors. They take turns, so that a busy machine slows all of them; the figures are medians over the rounds. Processor time is that of all cores and depends less on what else runs.
 *
 *     node bench/encode.mjs [--model vit-small|mobilenet|mini|FILE.onnx] [--photos 224|640|1600|generated] [--images 32] [--rounds 5] [--batch 8]
 *
 * `vit-small`: ViT-S/16 at 224 pixels, random weights. A file: a ViT at 224 pixels, `pixel_values` to `last_hidden_state`. `mobilenet`: MobileNetV2, ../shared/data/encoders. Photos are those of ../shared/data/cub-50
 * as they are (short side 224) or enlarged to that width; `generated` needs no data.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { env, pipeline } from '@huggingface/transformers'
import { createRandom } from '@lookalike/core'
import { buildVit, createMiniEncoder, createOnnxEncoder, createPretrainedEncoder } from '@lookalike/encoders'
import { decodeImage, loadBatches, preprocess } from '@lookalike/image'
import { loadModel, readModel, writeModel } from '@lookalike/onnx'
import * as ort from 'onnxruntime-node'
import sharp from 'sharp'
import { measured } from './lib/measured.mjs'
import { median, rounded } from './lib/vectors.mjs'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'vit-small' },
    photos: { type: 'string', default: '640' },
    images: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    batch: { type: 'string', default: '8' },
  },
})
const count = Number(options.images)
const batchSize = Number(options.batch)
const shared = fileURLToPath(new URL('../../shared/data', import.meta.url))

const folder = await mkdtemp(join(tmpdir(), 'bench-encode-'))
try {
  const files = await photos(options.photos)
  const repository = join(folder, 'models', 'bench')
  const encoder = await model(options.model, repository)
  const { preprocessing } = encoder.input
  const contenders = {
    'session.run': await bareSession(join(repository, 'onnx', 'model.onnx'), preprocessing),
    lookalike: endToEnd(encoder, preprocessing),
    'transformers.js': await transformers(join(folder, 'models')),
    'own session': ownSession(encoder, preprocessing),
  }
  for (const run of Object.values(contenders)) await run(files.slice(0, batchSize))

  const taken = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [name, run] of Object.entries(contenders))
      taken[name].push(await measured(() => run(files), files.length))
  }
  const of = (what) =>
    Object.fromEntries(Object.entries(taken).map(([name, runs]) => [name, rounded(median(runs.map(what)))]))
  const ratio = (what, other) =>
    rounded(median(taken.lookalike.map((ours, round) => what(taken[other][round]) / what(ours))))
  const decoded = await Promise.all(files.map((source) => decodeImage({ source })))
  console.log(
    JSON.stringify(
      {
        model: options.model,
        photos: options.photos,
        images: files.length,
        batch: batchSize,
        rounds: taken.lookalike.length,
        imagesPerSecond: of(({ wall }) => 1000 / wall),
        processorMillisecondsPerImage: of(({ cpu }) => cpu),
        // Of the processor time of `lookalike`.
        parts: {
          decode: rounded((await repeated(() => forEach(files, (source) => decodeImage({ source })))).cpu),
          resizeAndNormalise: rounded(
            (await repeated(() => forEach(decoded, (image) => preprocess(image, preprocessing)))).cpu,
          ),
        },
        shareOfSessionRun: {
          wall: ratio(({ wall }) => wall, 'session.run'),
          processor: ratio(({ cpu }) => cpu, 'session.run'),
        },
        shareOfOwnSession: {
          wall: ratio(({ wall }) => wall, 'own session'),
          processor: ratio(({ cpu }) => cpu, 'own session'),
        },
        againstTransformers: {
          wall: ratio(({ wall }) => wall, 'transformers.js'),
          processor: ratio(({ cpu }) => cpu, 'transformers.js'),
        },
      },
      null,
      2,
    ),
  )
  await encoder.dispose()

  async function repeated(work) {
    const runs = []
    for (let i = 0; i < 5; i++) runs.push(await measured(work, files.length))
    return runs.toSorted((a, b) => a.cpu - b.cpu)[2]
  }
} finally {
  await rm(folder, { recursive: true })
}

async function forEach(items, work) {
  for (const item of items) await work(item)
}

/** Lays the model out as a model repository for both libraries, and opens it in ours. */
async function model(name, repository) {
  const preprocessor = (size, mean, std, resample, crop) => ({
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size,
    resample,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
    ...(crop && { do_center_crop: true, crop_size: crop }),
  })
  const write = async (network, config, preprocessorConfig) => {
    await mkdir(join(repository, 'onnx'), { recursive: true })
    await writeFile(join(repository, 'onnx', 'model.onnx'), writeModel(network))
    await writeFile(join(repository, 'config.json'), JSON.stringify(config))
    await writeFile(join(repository, 'preprocessor_config.json'), JSON.stringify(preprocessorConfig))
  }
  const half = [0.5, 0.5, 0.5]
  if (name === 'vit-small' || name.endsWith('.onnx')) {
    const network = name.endsWith('.onnx')
      ? await loadModel(name)
      : buildVit({ imageSize: 224, patchSize: 16, dim: 384, depth: 12, heads: 6, pooling: 'none', epsilon: 1e-12 })
    await write(
      network,
      { model_type: 'vit', architectures: ['ViTModel'], hidden_size: 384 },
      preprocessor({ height: 224, width: 224 }, half, half, 2),
    )
    return createPretrainedEncoder({ family: 'pretrained-vit', model: repository, batchSize, cacheFolder: tmpdir() })
  }
  // transformers.js knows inputs and outputs by their names alone.
  const config = { model_type: 'vit', architectures: ['ViTModel'] }
  if (name === 'mini') {
    const encoder = await createMiniEncoder({ batchSize })
    const { mean, std, crop } = encoder.input.preprocessing
    await write(renamed(readModel(await encoder.onnx.bytes())), config, preprocessor(crop, mean, std, 3))
    return encoder
  }
  const path = join(shared, 'encoders', 'mobilenet_v2_1.0_224_imagenet.onnx')
  if (!existsSync(path)) throw new Error(`${path} is not there; use --model vit-small`)
  const crop = { width: 224, height: 224 }
  const mean = [127 / 255, 127 / 255, 127 / 255]
  await write(
    renamed(readModel(await readFile(path))),
    config,
    preprocessor({ shortest_edge: 256 }, mean, half, 3, crop),
  )
  return createOnnxEncoder({
    model: path,
    batchSize,
    preprocessing: {
      resize: { mode: 'shortest-edge', size: 256 },
      crop,
      interpolation: 'bicubic',
      background: [255, 255, 255],
      scale: 1 / 255,
      mean,
      std: half,
      channels: 'rgb',
      layout: 'nchw',
    },
  })
}

/** The only input as `pixel_values`, the only output as `last_hidden_state`. */
function renamed(network) {
  const { inputs, outputs, nodes } = network.graph
  const names = new Map([
    [inputs[0].name, 'pixel_values'],
    [outputs[0].name, 'last_hidden_state'],
  ])
  const rename = (name) => names.get(name) ?? name
  return {
    ...network,
    graph: {
      ...network.graph,
      inputs: [{ ...inputs[0], name: 'pixel_values' }],
      outputs: [{ ...outputs[0], name: 'last_hidden_state' }],
      nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) })),
    },
  }
}

async function photos(kind) {
  const target = join(folder, 'images')
  await mkdir(target, { recursive: true })
  if (kind === 'generated') return generated(target)
  const root = join(shared, 'cub-50', 'images')
  if (!existsSync(root)) throw new Error(`${root} is not there; use --photos generated`)
  const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.jpg')).sort()
  const step = Math.max(1, Math.floor(names.length / count))
  const chosen = names
    .filter((_, i) => i % step === 0)
    .slice(0, count)
    .map((name) => join(root, name))
  if (kind === '224') return chosen
  return Promise.all(
    chosen.map(async (source, i) => {
      const file = join(target, `${i}.jpg`)
      await sharp(source)
        .resize(Number(kind), Number(kind) * 0.75, { fit: 'cover', kernel: 'lanczos3' })
        .jpeg({ quality: 90 })
        .toFile(file)
      return file
    }),
  )
}

/** Photograph-like pictures of 640 x 480 pixels: blurred noise under fine grain, JPEG quality 88. */
async function generated(target) {
  const random = createRandom('bench/encode')
  const files = []
  for (let i = 0; i < count; i++) {
    const coarse = Buffer.from(Uint8Array.from({ length: 40 * 30 * 3 }, () => random.integer(256)))
    const grain = Buffer.from(Uint8Array.from({ length: 640 * 480 }, () => 118 + random.integer(20)))
    const file = join(target, `${i}.jpg`)
    await sharp(coarse, { raw: { width: 40, height: 30, channels: 3 } })
      .resize(640, 480, { kernel: 'cubic' })
      .composite([{ input: grain, raw: { width: 640, height: 480, channels: 1 }, blend: 'soft-light' }])
      .jpeg({ quality: 88 })
      .toFile(file)
    files.push(file)
  }
  return files
}

/** Pixels that are random, made before the clock starts, for `run` in batches. */
function onReadyPixels({ crop: { width, height } }, run) {
  const random = createRandom('bench/encode/pixels')
  const made = (images) => Float32Array.from({ length: images * 3 * width * height }, () => random.normal())
  const pixels = new Map(
    [batchSize, count % batchSize].filter((images) => images > 0).map((images) => [images, made(images)]),
  )
  return async (files) => {
    for (let i = 0; i < files.length; i += batchSize) {
      const images = Math.min(batchSize, files.length - i)
      await run(pixels.get(images), images)
    }
  }
}

async function bareSession(path, preprocessing) {
  const session = await ort.InferenceSession.create(path)
  const { width, height } = preprocessing.crop
  return onReadyPixels(preprocessing, (pixels, images) =>
    session.run({ pixel_values: new ort.Tensor('float32', pixels, [images, 3, height, width]) }),
  )
}

function ownSession(encoder, preprocessing) {
  return onReadyPixels(preprocessing, (data, images) => encoder.encode({ kind: 'pixels', data, count: images }))
}

function endToEnd(encoder, preprocessing) {
  return async (files) => {
    for await (const { batch, release } of loadBatches(
      files.map((source) => ({ source })),
      preprocessing,
      { batchSize },
    )) {
      await encoder.encode(batch)
      release()
    }
  }
}

async function transformers(models) {
  env.allowRemoteModels = false
  env.localModelPath = models
  const extract = await pipeline('image-feature-extraction', 'bench', { dtype: 'fp32' })
  return async (files) => {
    for (let i = 0; i < files.length; i += batchSize) await extract(files.slice(i, i + batchSize))
  }
}
