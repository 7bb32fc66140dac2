import { LookalikeError } from '@lookalike/core'
import { float32, openSession, prepareRuntime, type Session, useWebRuntime } from '@lookalike/onnx/web-session'
import { checkPattern, cosine } from '../check-pattern.js'
import { download } from '../download/download.js'
import { readManifest } from '../download/read-manifest.js'
import type { Manifest } from '../manifest.js'
import type { OpenRequest } from './protocol.js'
import type { QueryModel, Report } from './query-model.js'
import { needRuntime, tellOneThread } from './runtime-place.js'

/** Half precision and other orders of adding stay above this; a graphics driver with a fault does not. */
const SAME = 0.999

/** Opens the model of an exported folder, on the first device that computes what the model should. */
export async function openExported(request: OpenRequest, report: Report): Promise<QueryModel> {
  if (!('folder' in request.source)) throw new Error('An ONNX file is opened by the other worker.')
  const { folder } = request.source
  const manifest = await readManifest(folder, { onWarning: report.onWarning })
  const own = manifest.runtime && new URL(manifest.runtime.folder, folder).href
  const webgpu = await wantsWebgpu(request, manifest, report)
  useWebRuntime({ folder: needRuntime(request.runtime ?? own), threads: request.threads, webgpu })
  tellOneThread(request.threads, report.onWarning)
  prepareRuntime()
  const { file, ...whole } = manifest.model
  const bytes = await download(
    { url: folder + file, ...whole },
    { ...report, onProgress: (progress) => report.onProgress({ phase: 'model', ...progress }) },
  )
  report.onProgress({ phase: 'runtime', loaded: 0, total: undefined })
  for (const device of webgpu ? (['webgpu', 'wasm'] as const) : (['wasm'] as const)) {
    const opened = await openOn(device, bytes, manifest).catch((error: unknown) => {
      if (device === 'wasm') throw error
      return { fault: error instanceof Error ? error.message : String(error) }
    })
    if (!('fault' in opened)) return opened
    if (device === 'wasm') throw wrong(manifest.name, opened.fault)
    report.onWarning({
      code: 'browser/webgpu',
      message: `WebGPU is left alone, the model runs as WebAssembly: ${opened.fault}`,
      fields: {},
    })
  }
  throw new Error('The last device returns or throws.')
}

async function wantsWebgpu(
  { device, runtime }: OpenRequest,
  manifest: Manifest,
  { onWarning }: Report,
): Promise<boolean> {
  if (device === 'wasm' || (device === 'auto' && !(runtime === undefined && manifest.runtime?.webgpu))) return false
  if (await hasDevice()) return true
  onWarning({
    code: 'browser/no-webgpu',
    message: 'The browser has no WebGPU, or no graphics card for it: the model runs as WebAssembly.',
    fields: {},
  })
  return false
}

interface Gpu {
  requestAdapter(): Promise<{ requestDevice(): Promise<{ destroy(): void }> } | null>
}

/** A device is asked for before the runtime does: it would wait for ever for one that does not come. */
async function hasDevice(): Promise<boolean> {
  const { gpu } = globalThis.navigator as { readonly gpu?: Gpu }
  try {
    const device = await (await gpu?.requestAdapter())?.requestDevice()
    device?.destroy()
    return device !== undefined
  } catch {
    return false
  }
}

async function openOn(
  device: 'webgpu' | 'wasm',
  bytes: Uint8Array,
  { name, space, dim, preprocessing, model, check }: Manifest,
): Promise<QueryModel | { readonly fault: string }> {
  const providers = device === 'webgpu' ? (['webgpu', 'cpu'] as const) : (['cpu'] as const)
  const session = await openSession(bytes, { name, providers, unpack: true })
  const { width, height } = preprocessing.crop
  const shape = preprocessing.layout === 'nchw' ? [1, 3, height, width] : [1, height, width, 3]
  const encode = async (pixels: Float32Array) => {
    const results = await session.run({ [model.input]: float32(pixels, shape) })
    return Float32Array.from(results[model.output]!.data as Float32Array)
  }
  const fault = await faultOf(encode, check, 3 * width * height).catch((error: unknown) => disposing(session, error))
  if (fault !== undefined) {
    await session.dispose()
    return { fault }
  }
  return { name, space, dim, device, preprocessing, encode, dispose: () => session.dispose() }
}

async function disposing(session: Session, error: unknown): Promise<never> {
  await session.dispose()
  throw error
}

async function faultOf(
  encode: (pixels: Float32Array) => Promise<Float32Array>,
  check: readonly number[],
  length: number,
): Promise<string | undefined> {
  const same = cosine(await encode(checkPattern(length)), check)
  return same >= SAME ? undefined : `its vector of the check has the cosine ${same.toFixed(4)} to the right one.`
}

const wrong = (name: string, fault: string) =>
  new LookalikeError(
    'browser/check',
    {
      problem: `${name} computes something else here than where it was exported: ${fault}`,
      fix: 'Use files of onnxruntime-web of the version that the folder was exported with, or another browser.',
    },
    { fields: { name } },
  )
