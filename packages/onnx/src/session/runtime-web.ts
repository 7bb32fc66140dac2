import type * as OnnxRuntime from 'onnxruntime-web'
import type { Runtime, RuntimeSettings } from './runtime-port.js'

/** How onnxruntime-web is loaded. */
export interface WebRuntime {
  /**
   * Absolute address of the folder that holds onnxruntime-web's files, ending in a slash. Default: the package, as the bundler of the page
   * found it.
   */
  readonly folder?: string | undefined
  /** Threads of the runtime. Default: the cores of the machine, at most 4 (ours); one where the page is not cross-origin isolated. */
  readonly threads?: number | undefined
  /** Load the build that has WebGPU too, twice as large. Default false. */
  readonly webgpu?: boolean | undefined
  /**
   * `ort-wasm-simd-threaded.wasm` as a `WebAssembly.Module`, for places that import such files and compile none, as workers at the edge do. Default: the
   * runtime fetches its file.
   */
  readonly module?: object | undefined
}

export const runtimePackage = {
  name: 'onnxruntime-web',
  fix: 'Install it (npm install onnxruntime-web), or check that its files lie where the page looks for them.',
}

let chosen: WebRuntime = {}

/** Says how onnxruntime-web is loaded; to be called before the first model is opened, since there is one runtime a page or worker. */
export function useWebRuntime(runtime: WebRuntime): void {
  chosen = runtime
}

/** The part of the global that is needed here. */
interface Place {
  readonly crossOriginIsolated?: boolean
  readonly navigator?: { readonly hardwareConcurrency?: number }
  readonly WebAssembly: {
    readonly Module: abstract new (bytes: never) => object
    instantiate: (source: object, imports?: object) => Promise<unknown>
  }
}

const MOST_THREADS = 4

export async function startRuntime(): Promise<Runtime> {
  const { folder, threads, webgpu = false, module } = chosen
  const ort = await loadPackage(folder, webgpu)
  const { crossOriginIsolated = false, navigator } = globalThis as unknown as Place
  // Threads share memory, which browsers allow isolated pages alone.
  const cores = crossOriginIsolated ? Math.min(MOST_THREADS, navigator?.hardwareConcurrency ?? 1) : 1
  const count = crossOriginIsolated ? (threads ?? cores) : 1
  ort.env.wasm.numThreads = count
  ort.env.logLevel = 'error'
  if (module) useModule(ort, module)
  return {
    InferenceSession: {
      create: ((model: string | Uint8Array, settings: RuntimeSettings) =>
        // A string is an address, bytes are the model: one call for both.
        ort.InferenceSession.create(model as Uint8Array, settingsHere(settings))) as typeof ort.InferenceSession.create,
    },
    Tensor: ort.Tensor,
    listSupportedBackends: () => [{ name: 'cpu' }, ...(webgpu ? [{ name: 'webgpu' }] : [])],
    defaultThreads: count,
    version: ort.env.versions.web ?? ort.env.versions.common,
    lends: false,
  }
}

/** The runtime asks to have its bytes compiled, once, when it opens the first model: it is given the module, whatever the bytes. */
function useModule(ort: typeof OnnxRuntime, module: object): void {
  const { WebAssembly: wasm } = globalThis as unknown as Place
  const { instantiate } = wasm
  ort.env.wasm.wasmBinary = new Uint8Array(8)
  wasm.instantiate = async (source, imports) => {
    if (source instanceof wasm.Module) return instantiate(source, imports)
    wasm.instantiate = instantiate
    return { module, instance: await instantiate(module, imports) }
  }
}

function loadPackage(folder: string | undefined, webgpu: boolean): Promise<typeof OnnxRuntime> {
  if (folder === undefined) return webgpu ? import('onnxruntime-web/webgpu') : import('onnxruntime-web/wasm')
  const file = `${folder}ort.${webgpu ? 'webgpu' : 'wasm'}.bundle.min.mjs`
  return import(/* @vite-ignore */ /* webpackIgnore: true */ file)
}

/** What is called the CPU everywhere else runs as WebAssembly here; there are no files to refer to, and threads never spin. */
function settingsHere(given: RuntimeSettings): RuntimeSettings {
  const { executionProviders = ['cpu'], extra, ...settings } = given
  const { disable_quant_qdq } = (extra?.['session'] ?? {}) as { readonly disable_quant_qdq?: string }
  return {
    ...settings,
    ...(disable_quant_qdq && { extra: { session: { disable_quant_qdq } } }),
    executionProviders: executionProviders.map((provider) => (provider === 'cpu' ? 'wasm' : provider)),
  }
}
