/** Frozen backbones: each photograph goes through each of them once, and the values stay on disk. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createNetworkEncoder } from '@lookalike/encoders'
import { embedImages, loadBatches } from '@lookalike/image'
import { createSession, extractModel, float32, loadModel } from '@lookalike/onnx'

const VIT = 'vit-tiny-8-64-photos-drawings.onnx'
const MOBILENET = 'mobilenet_v2_1.0_224_imagenet.onnx'
/** Class token and patch tokens of the transformer, `[N, 65, 192]`, after the last norm. */
const TOKENS = '/norm/Add_1_output_0'

/** `vit`, `mobilenet-96`, `mobilenet-224` ...: the network and the side in pixels that it gets. */
function preprocessingOf(model) {
  const vit = model === 'vit'
  const side = vit ? 64 : Number(model.split('-')[1])
  return {
    resize: { mode: 'shortest-edge', size: vit ? 64 : side === 224 ? 256 : side },
    crop: { width: side, height: side },
    interpolation: 'bicubic',
    background: [255, 255, 255],
    ...(vit
      ? { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
      : { scale: 1, mean: [127, 127, 127], std: [127.5, 127.5, 127.5] }),
    channels: 'rgb',
    layout: 'nchw',
  }
}

const fileOf = (model, data) => path.join(data, 'encoders', model === 'vit' ? VIT : MOBILENET)

/** The encoder of a config. */
export const onnxReference = (model, data) => ({
  use: 'onnx',
  name: model,
  model: fileOf(model, data),
  preprocessing: preprocessingOf(model),
})

async function networkOf(model, data) {
  const network = await loadModel(fileOf(model, data))
  const { crop } = preprocessingOf(model)
  const inputs = network.graph.inputs.map((input) => ({ ...input, shape: ['N', 3, crop.height, crop.width] }))
  return { ...network, graph: { ...network.graph, inputs } }
}

/** An encoder of one of the frozen models. */
export async function frozenEncoder(model, data, threads = 1) {
  return createNetworkEncoder(model, await networkOf(model, data), preprocessingOf(model), { threads })
}

/** Values of a file, or what `make` gives, which is then kept. */
export async function kept(file, make) {
  if (existsSync(file)) {
    const bytes = readFileSync(file)
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  }
  const data = await make()
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(`${file}.part`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  renameSync(`${file}.part`, file)
  return data
}

/** Embeddings of a set by a model: `{ data, dim }`. */
export async function frozenEmbeddings({ set, items, model, data, cache, threads = 1 }) {
  if (model === 'vit') {
    const all = await frozenTokens({ set, items, data, cache, threads })
    const values = new Float32Array(items.length * 192)
    for (let row = 0; row < items.length; row++)
      values.set(all.data.subarray(row * 65 * 192, row * 65 * 192 + 192), row * 192)
    return { data: values, dim: 192 }
  }
  const dim = 1280
  const values = await kept(path.join(cache, `${set}-${model}.f32`), async () => {
    const encoder = await frozenEncoder(model, data, threads)
    const { embeddings } = await embedImages(
      encoder,
      items.map(({ source }) => ({ source })),
      { onCorrupt: 'fail', deadline: 600_000 },
    )
    await encoder.dispose()
    return embeddings.data
  })
  return { data: values, dim }
}

/** All 65 tokens of the transformer: `{ data, tokens: 65, dim: 192 }`; the first is the class token. */
export async function frozenTokens({ set, items, data, cache, threads = 1 }) {
  const values = await kept(path.join(cache, `${set}-tokens.f32`), async () => {
    const model = extractModel(await networkOf('vit', data), { outputs: [TOKENS] })
    const session = await createSession(model, { threads })
    const all = new Float32Array(items.length * 65 * 192)
    let at = 0
    const requests = items.map(({ source }) => ({ source }))
    for await (const { batch, release } of loadBatches(requests, preprocessingOf('vit'))) {
      const { count } = batch
      const pixels = float32(batch.data.subarray(0, count * 3 * 64 * 64), [count, 3, 64, 64])
      all.set((await session.run({ pixel_values: pixels }))[TOKENS].data, at)
      at += count * 65 * 192
      release()
    }
    await session.dispose()
    return all
  })
  return { data: values, tokens: 65, dim: 192 }
}

/** MobileNetV2's last feature map before its last convolution, at 224 px, as tokens: `{ data, places: 49, channels: 320 }`. */
export async function frozenMap({ set, items, data, cache, threads = 1 }) {
  const [output, places, channels] = ['t170', 49, 320]
  const map = await kept(path.join(cache, `${set}-${output}.f32`), async () => {
    const session = await createSession(extractModel(await networkOf('mobilenet-224', data), { outputs: [output] }), {
      threads,
    })
    const all = new Float32Array(items.length * places * channels)
    let at = 0
    const requests = items.map(({ source }) => ({ source }))
    const reading = { batchSize: 16, deadline: 600_000 }
    for await (const { batch, release } of loadBatches(requests, preprocessingOf('mobilenet-224'), reading)) {
      const { count } = batch
      const pixels = float32(batch.data.subarray(0, count * 3 * 224 * 224), [count, 3, 224, 224])
      all.set((await session.run({ input: pixels }))[output].data, at)
      at += count * places * channels
      release()
    }
    await session.dispose()
    return all
  })
  const tokens = new Float32Array(map.length)
  for (let image = 0; image < items.length; image++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < places; p++)
        tokens[(image * places + p) * channels + c] = map[(image * channels + c) * places + p]
  return { data: tokens, places, channels }
}
