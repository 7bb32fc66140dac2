import { createEmbeddings, type Embeddings, LookalikeError, type RawImage, type Warning } from '@lookalike/core'
import type { Bitmap } from '@lookalike/image/browser'
import { absoluteAddress, absoluteFolder } from './absolute-address.js'
import { callWorker } from './worker/call-worker.js'
import type { Device, OpenedModel, OpenRequest, Progress } from './worker/protocol.js'

export interface QueryEncoderOptions {
  /**
   * The address of a folder that `lookalike export model FOLDER --for browser` wrote; or an ONNX file that carries its preprocessing (a trained
   * one, or the built-in encoder): its address, which ends in `.onnx`, or the file.
   */
  readonly model: string | URL | Blob
  /** Of an ONNX file: part of the space. Default: the file's name without its ending. */
  readonly name?: string | undefined
  /** Of an ONNX file at an address, in hex: then the copy of an earlier visit is used without asking. */
  readonly sha256?: string | undefined
  /** The folder of onnxruntime-web's files. Default: that of the exported folder. */
  readonly runtime?: string | URL | undefined
  /** Where to compute. Default `auto`. */
  readonly device?: Device | undefined
  /** Threads of WebAssembly. Default: the cores, at most 4 (ours); one where the page is not cross-origin isolated. */
  readonly threads?: number | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
  /** Stops opening; the worker ends. */
  readonly signal?: AbortSignal | undefined
}

/** A picture in a page: a file, or anything that can be drawn. Of a video the frame that is shown. */
export type QueryImage = Blob | ImageBitmapSource | RawImage

export interface QueryEncoder extends OpenedModel {
  /**
   * @throws `image/unsupported`, `image/corrupt`, `image/truncated`, `image/too-many-pixels`, `browser/image` for what cannot be drawn yet,
   * `browser/disposed`, `browser/worker`
   */
  embed(image: QueryImage, options?: { readonly signal?: AbortSignal | undefined }): Promise<Embeddings<'query'>>
  dispose(): void
}

/**
 * A model in a worker of its own: the page never waits for it, and pictures never leave the device.
 *
 * @throws `browser/download`, `browser/checksum`, `browser/manifest`, `browser/no-runtime`, `browser/check`, `browser/worker`,
 * `onnx/runtime-missing` and, of ONNX files, what `createOnnxEncoder` throws
 *
 * @example
 * const encoder = await createQueryEncoder({ model: '/shop-model/' })
 * const vector = await encoder.embed(input.files[0])
 */
export async function createQueryEncoder(options: QueryEncoderOptions): Promise<QueryEncoder> {
  const { device = 'auto', threads, signal } = options
  signal?.throwIfAborted()
  const source = sourceOf(options)
  const { call, end } = callWorker(await startWorker('folder' in source), options)
  const request: OpenRequest = {
    kind: 'open',
    source,
    runtime: options.runtime === undefined ? undefined : absoluteFolder(options.runtime),
    device,
    threads,
  }
  const opened = await call<OpenedModel>({ ...request }, [], signal).catch((error: unknown) => {
    end()
    throw error
  })
  const { dim, space } = opened
  return {
    ...opened,
    async embed(image, { signal } = {}) {
      const sent = await sendable(image)
      const data = await call<Float32Array>(
        { kind: 'embed', image: sent },
        'close' in sent ? [sent as ImageBitmap] : [],
        signal,
      )
      return createEmbeddings({ data, rows: 1, dim, space, role: 'query' })
    },
    dispose: end,
  }
}

function sourceOf({ model, name, sha256 }: QueryEncoderOptions): OpenRequest['source'] {
  const baseOf = (path: string) => decodeURIComponent(path.slice(path.lastIndexOf('/') + 1)).replace(/\.onnx$/i, '')
  if (model instanceof Blob)
    return { onnx: model, name: name ?? baseOf((model as Partial<File>).name ?? 'onnx'), sha256: undefined }
  const url = absoluteAddress(model)
  const { pathname } = new URL(url)
  if (!/\.onnx$/i.test(pathname)) return { folder: absoluteFolder(model) }
  return { onnx: url, name: name ?? baseOf(pathname), sha256 }
}

/** The program comes with this file, so that no bundler has to know of it. The one for ONNX files is large, and only loaded for them. */
async function startWorker(exported: boolean): Promise<Worker> {
  const { default: text } = await (exported
    ? import('./worker/exported-worker-text.js')
    : import('./worker/onnx-worker-text.js'))
  const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  try {
    return new Worker(url, { type: 'module', name: 'lookalike' })
  } catch (cause) {
    throw new LookalikeError(
      'browser/worker',
      { problem: 'The browser starts no worker for the model', fix: 'Allow workers in its policy: worker-src blob:.' },
      { cause },
    )
  } finally {
    // The worker has it by then.
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }
}

async function sendable(image: QueryImage): Promise<Blob | Bitmap | RawImage> {
  if (image instanceof Blob) return image
  if ('data' in image && !(image instanceof ImageData)) return image
  try {
    return await createImageBitmap(image, { premultiplyAlpha: 'none', colorSpaceConversion: 'none' })
  } catch (cause) {
    throw new LookalikeError(
      'browser/image',
      {
        problem: `There is nothing to see in the picture: ${cause instanceof Error ? cause.message : String(cause)}`,
        fix: 'Wait until the image or the video is loaded, and give canvases a size.',
      },
      { cause },
    )
  }
}
