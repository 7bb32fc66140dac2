/**
 * JPEG files to embeddings, end to end, against (1) the bare `session.run` on ready tensors and (2) the image-feature-extraction pipeline of
 * `@huggingface/transformers` on the same ONNX file. Random weights: only time is measured. The three take turns, so that a busy machine slows
 * all of them; the figures are medians over the rounds.
 *
 *     npx jiti bench/encode.ts [--images 64] [--rounds 5] [--batch 8] [--source generated|cub]
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { env, pipeline } from '@huggingface/transformers'
import { createRandom, loadBatches } from '@lookalike/core'
import { buildVit, createPretrainedEncoder } from '@lookalike/encoders'
import { writeModel } from '@lookalike/onnx'
import * as ort from 'onnxruntime-node'
import sharp from 'sharp'

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '64' }, rounds: { type: 'string', default: '5' },
    batch: { type: 'string', default: '8' }, source: { type: 'string', default: 'generated' },
  },
})
const count = Number(values.images)
const rounds = Number(values.rounds)
const batchSize = Number(values.batch)

const folder = await mkdtemp(join(tmpdir(), 'bench-encode-'))
try {
  const files = values.source === 'cub' ? await cubFiles(count) : await generateFiles(join(folder, 'images'), count)
  const model = await writeModelFolder(join(folder, 'models', 'vit-small'))

  const raw = await rawSession(model, files)
  const ours = await lookalike(model)
  const theirs = await transformers(join(folder, 'models'))
  const contenders = { raw, ours, theirs }
  for (const run of Object.values(contenders)) await run(files.slice(0, batchSize))

  const rates: Record<keyof typeof contenders, number[]> = { raw: [], ours: [], theirs: [] }
  const work: Record<keyof typeof contenders, number[]> = { raw: [], ours: [], theirs: [] }
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const start = performance.now()
      const before = process.cpuUsage()
      await run(files)
      const { user, system } = process.cpuUsage(before)
      work[name as keyof typeof contenders].push((user + system) / 1000 / files.length)
      rates[name as keyof typeof contenders].push((1000 * files.length) / (performance.now() - start))
    }
  }
  const share = rates.ours.map((rate, round) => rate / rates.raw[round]!)
  const speedUp = rates.ours.map((rate, round) => rate / rates.theirs[round]!)
  console.log(JSON.stringify({
    images: files.length, source: values.source, batchSize, rounds,
    imagesPerSecond: { 'session.run': median(rates.raw), lookalike: median(rates.ours), 'transformers.js': median(rates.theirs) },
    // Of both cores together; unlike the rates it hardly depends on what else the machine does.
    cpuMillisecondsPerImage: { 'session.run': median(work.raw), lookalike: median(work.ours), 'transformers.js': median(work.theirs) },
    shareOfSessionRun: median(share), againstTransformers: median(speedUp),
  }, null, 2))
} finally {
  await rm(folder, { recursive: true })
}

/** ViT-S/16 at 224 pixels laid out as a model repository that both libraries read. */
async function writeModelFolder(model: string): Promise<string> {
  await mkdir(join(model, 'onnx'), { recursive: true })
  const network = buildVit({ imageSize: 224, patchSize: 16, dim: 384, depth: 12, heads: 6, pooling: 'none', epsilon: 1e-12 })
  await writeFile(join(model, 'onnx', 'model.onnx'), writeModel(network))
  await writeFile(join(model, 'config.json'), JSON.stringify({ model_type: 'vit', architectures: ['ViTModel'], hidden_size: 384 }))
  await writeFile(join(model, 'preprocessor_config.json'), JSON.stringify({
    image_processor_type: 'ViTImageProcessor', do_resize: true, size: { height: 224, width: 224 }, resample: 2,
    do_rescale: true, rescale_factor: 1 / 255, do_normalize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5],
  }))
  return model
}

/** Photograph-like pictures of 640 x 480 pixels: blurred noise under fine grain, JPEG quality 88. */
async function generateFiles(target: string, number: number): Promise<string[]> {
  await mkdir(target, { recursive: true })
  const random = createRandom('bench/encode')
  const files: string[] = []
  for (let i = 0; i < number; i++) {
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

async function cubFiles(number: number): Promise<string[]> {
  const root = fileURLToPath(new URL('../../shared/data/cub-50/images', import.meta.url))
  if (!existsSync(root)) throw new Error(`${root} is not there; use --source generated`)
  const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.jpg')).sort()
  const step = Math.max(1, Math.floor(names.length / number))
  return names.filter((_, i) => i % step === 0).slice(0, number).map((name) => join(root, name))
}

/** The ceiling: tensors of random pixels, made before the clock starts. */
async function rawSession(model: string, files: readonly string[]): Promise<(files: readonly string[]) => Promise<void>> {
  const session = await ort.InferenceSession.create(join(model, 'onnx', 'model.onnx'))
  const random = createRandom('bench/encode/pixels')
  const tensors = new Map<number, ort.Tensor>()
  const tensor = (images: number) => {
    const shape = [images, 3, 224, 224]
    const made = tensors.get(images) ?? new ort.Tensor('float32', Float32Array.from({ length: images * 3 * 224 * 224 }, () => random.normal()), shape)
    tensors.set(images, made)
    return made
  }
  for (const images of [batchSize, files.length % batchSize]) tensor(images)
  return async (some) => {
    for (let i = 0; i < some.length; i += batchSize) await session.run({ pixel_values: tensor(Math.min(batchSize, some.length - i)) })
  }
}

async function lookalike(model: string): Promise<(files: readonly string[]) => Promise<void>> {
  const encoder = await createPretrainedEncoder({ family: 'pretrained-vit', model, batchSize, cacheFolder: tmpdir() })
  if (encoder.input.kind !== 'pixels') throw new Error('The encoder does not take pixels')
  const { preprocessing } = encoder.input
  return async (some) => {
    for await (const { batch, release } of loadBatches(some.map((source) => ({ source })), preprocessing, { batchSize })) {
      await encoder.encode(batch)
      release()
    }
  }
}

async function transformers(models: string): Promise<(files: readonly string[]) => Promise<void>> {
  env.allowRemoteModels = false
  env.localModelPath = models
  const extract = await pipeline('image-feature-extraction', 'vit-small', { dtype: 'fp32' })
  return async (some) => {
    for (let i = 0; i < some.length; i += batchSize) await extract(some.slice(i, i + batchSize) as string[])
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return Number(sorted[sorted.length >> 1]!.toPrecision(4))
}
