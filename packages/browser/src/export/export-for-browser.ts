import { createHash } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Encoder, LookalikeError, type OperationOptions, type Preprocessing, type Warning } from '@lookalike/core'
import { newFolder, quicken, writeWholeFolder } from '@lookalike/encoders'
import {
  createSession,
  float32,
  type OnnxModel,
  probe,
  readModel,
  sizeOf,
  toHalf,
  toInt8,
  writeModel,
} from '@lookalike/onnx'
import { checkPattern, cosine } from '../check-pattern.js'
import { quantiseRows, writeGalleryRows } from '../gallery/gallery-rows.js'
import type { GalleryImage, Manifest, ManifestFile } from '../manifest.js'
import { runtimeFiles } from './runtime-files.js'

/** How weights are stored; they are computed with in single precision. Those that were 8-bit before stay so. */
export type StoredWeights = 'float16' | 'int8'

/** An image of the gallery that goes with the model. */
export interface ExportedImage extends Omit<GalleryImage, 'thumbnail'> {
  /** A small JPEG. */
  readonly thumbnail?: Uint8Array | undefined
}

export interface ExportedGallery {
  readonly count: number
  /** Row-major, one an image. */
  readonly vectors: Float32Array
  /** In the order of the vectors. */
  readonly images: AsyncIterable<ExportedImage>
}

export interface ExportForBrowserOptions extends OperationOptions {
  /** Of the vectors, where the encoder is the query side of a combiner. Default: the encoder's. */
  readonly space?: string | undefined
  /** Default `float16`. */
  readonly weights?: StoredWeights | undefined
  readonly gallery?: ExportedGallery | undefined
  /** Whether the files of onnxruntime-web are put beside the model, and with WebGPU. Default `wasm`. */
  readonly runtime?: 'none' | 'wasm' | 'webgpu' | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export interface ExportedForBrowser {
  /** Absolute. */
  readonly folder: string
  readonly space: string
  readonly dim: number
  /** Bytes of the model. */
  readonly modelBytes: number
  /** Of what the stored weights make of a check, to what the encoder's own make. */
  readonly cosine: number
  /** Images of the gallery. */
  readonly images: number
}

/**
 * Writes a model as a folder that a static site serves and `createQueryEncoder` opens: `model.onnx`, `manifest.json` with preprocessing,
 * checksums and a check, onnxruntime-web's files, and where wanted a gallery of 8-bit vectors. The whole folder is there at the end, or nothing.
 *
 * @throws `export/no-network`, `export/no-runtime`, `export/exists`, `export/write`
 */
export async function exportForBrowser(
  encoder: Encoder,
  to: string,
  options: ExportForBrowserOptions = {},
): Promise<ExportedForBrowser> {
  if (!encoder.onnx || encoder.input.kind !== 'pixels') throw noNetwork(encoder.name)
  const { onnx } = encoder
  const folder = await newFolder(to)
  const { runtime = 'wasm', weights = 'float16', space = encoder.space } = options
  const runtimeParts = runtime === 'none' ? [] : runtimeFiles(runtime === 'webgpu')
  const { preprocessing } = encoder.input
  const full = readModel(await onnx.bytes(), { source: encoder.name })
  const stored = await store(full, weights)
  const check = await answerOf(stored, preprocessing)
  const same = cosine(check, await answerOf(full, preprocessing))

  return writeWholeFolder(folder, async (temporary) => {
    const put = async (file: string, bytes: Uint8Array): Promise<ManifestFile> => {
      await writeFile(path.join(temporary, file), bytes, { flush: true })
      return { file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
    }
    const file = await put('model.onnx', writeModel(stored))
    if (runtimeParts.length > 0) await mkdir(path.join(temporary, 'runtime'))
    for (const part of runtimeParts) await copyFile(part, path.join(temporary, 'runtime', path.basename(part)))
    const manifest: Manifest = {
      version: 'v1',
      name: encoder.name,
      space,
      dim: encoder.dim,
      preprocessing,
      model: { ...file, input: onnx.input, output: onnx.output },
      check: Array.from(check, (value) => Number(value.toPrecision(7))),
      runtime: runtimeParts.length > 0 ? { folder: 'runtime/', webgpu: runtime === 'webgpu' } : undefined,
      gallery: options.gallery && (await putGallery(options.gallery, encoder.dim, temporary, put, options)),
    }
    await put('manifest.json', new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`))
    return {
      folder,
      space,
      dim: encoder.dim,
      modelBytes: file.bytes,
      cosine: same,
      images: manifest.gallery?.count ?? 0,
    }
  })
}

/** The network with less to do and with smaller weights. */
async function store(model: OnnxModel, weights: StoredWeights): Promise<OnnxModel> {
  const { name, shape } = model.graph.inputs[0]!
  const [batch, ...image] = shape as number[]
  const dims = [typeof batch === 'number' ? batch : 2, ...image]
  const seen = await probe(model, { [name]: float32(new Float32Array(sizeOf(dims)), dims) }).catch(() => undefined)
  // Some networks take one image at a time, whatever they say, and are left as they are.
  const quick = seen ? await quicken(model, seen) : model
  return weights === 'int8' ? toInt8(quick) : toHalf(toInt8(quick, { again: true }))
}

async function answerOf(model: OnnxModel, { crop, layout }: Preprocessing): Promise<Float32Array> {
  const { width, height } = crop
  const session = await createSession(model, { threads: 1, optimisation: 'basic' })
  try {
    const pixels = checkPattern(3 * width * height)
    const shape = layout === 'nchw' ? [1, 3, height, width] : [1, height, width, 3]
    const results = await session.run({ [session.inputs[0]!.name]: float32(pixels, shape) })
    return results[session.outputs[0]!.name]!.data as Float32Array
  } finally {
    await session.dispose()
  }
}

async function putGallery(
  { count, vectors, images }: ExportedGallery,
  dim: number,
  folder: string,
  put: (file: string, bytes: Uint8Array) => Promise<ManifestFile>,
  { signal, onProgress }: OperationOptions,
): Promise<NonNullable<Manifest['gallery']>> {
  const listed: GalleryImage[] = []
  await mkdir(path.join(folder, 'thumbnails'))
  for await (const { thumbnail, ...image } of images) {
    signal?.throwIfAborted()
    const name = `thumbnails/${listed.length}.jpg`
    if (thumbnail) await writeFile(path.join(folder, name), thumbnail)
    listed.push({ ...image, thumbnail: thumbnail && name })
    onProgress?.({ phase: 'gallery', done: listed.length, total: count, unit: 'image' })
  }
  return {
    count,
    vectors: await put('gallery.bin', writeGalleryRows(quantiseRows(vectors, dim))),
    images: await put('gallery.json', new TextEncoder().encode(JSON.stringify(listed))),
  }
}

const noNetwork = (name: string) =>
  new LookalikeError('export/no-network', {
    problem: `The encoder ${name} is no ONNX network`,
    expected: 'an encoder such as builtin, onnx or conv-net, or what training wrote',
  })
