import { LookalikeError } from '@lookalike/core'
import type { Dimension, ValueInfo } from '../model/model.js'
import { sizeOf, type Tensor, type TensorType } from '../model/tensor.js'
import type { Referring } from '../model/write-model.js'
import { type Provider } from './providers.js'
import { loadRuntime } from './runtime.js'
import { runError, sessionError } from './runtime-errors.js'
import type { Runtime, RuntimeSession, RuntimeSettings } from './runtime-port.js'

/** Where and with how many threads a model runs. */
export interface Execution {
  /** Threads of one operator. Default: the number of cores. */
  readonly threads?: number | undefined
  /** Where to run, first choice first. Default `['cpu']`. */
  readonly providers?: readonly Provider[] | undefined
}

/** How far the runtime rewrites a graph, most first. */
export const OPTIMISATIONS = ['all', 'extended', 'basic', 'disabled'] as const

export type Optimisation = (typeof OPTIMISATIONS)[number]

export interface SessionOptions extends Execution {
  /** Of the model, for errors. Default: its path where it has one. */
  readonly name?: string | undefined
  /** Whether waiting threads spin instead of sleeping: faster for one session at a time, in the way of everything else. Default true. */
  readonly spinning?: boolean | undefined
  /** How far the runtime rewrites the graph. Default `all`. */
  readonly optimisation?: Optimisation | undefined
  /** Keep freed memory for the next run: faster, and the session's memory stays at its peak. Default true. */
  readonly arena?: boolean | undefined
  /** Unpack weights that are stored in 8 bits once, when the model is opened, instead of in each product: faster, and more memory. Default false. */
  readonly unpack?: boolean | undefined
  /** Write the runtime's timing of every node to `<prefix>_<date>.json` when the session is disposed. */
  readonly profile?: string | undefined
}

export type Feeds = Readonly<Record<string, Tensor>>

export interface RunOptions {
  /** Only these outputs are computed. Default: all. */
  readonly outputs?: readonly string[] | undefined
  /** Tensors that get the results in place, by output. Shapes must be exact. */
  readonly into?: Readonly<Record<string, Tensor>> | undefined
}

/** A model ready to run. `run` keeps the process busy until it is done: the runtime computes on the calling thread. */
export interface Session {
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  run(feeds: Feeds, options?: RunOptions): Promise<Record<string, Tensor>>
  /** Frees the model's memory; running it afterwards is an error. */
  dispose(): Promise<void>
}

/**
 * Opens a model in the runtime (onnxruntime-node, in a browser onnxruntime-web) from the bytes of a file or from its path.
 *
 * @param weights where weights lie that the model refers to
 * @throws what `createSession` throws
 */
export async function openSession(
  model: Uint8Array | string,
  options: SessionOptions = {},
  { folder, lent = [] }: Partial<Omit<Referring, 'bytes'>> = {},
): Promise<Session> {
  const runtime = await loadRuntime()
  const providers = options.providers ?? ['cpu']
  checkBuild(providers, runtime)
  const weights = folder !== undefined && { model_external_initializers_file_folder_path: folder }
  const settings: RuntimeSettings = {
    intraOpNumThreads: options.threads ?? runtime.defaultThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimisation ?? 'all',
    executionProviders: [...providers],
    enableCpuMemArena: options.arena ?? true,
    enableMemPattern: options.arena ?? true,
    // Only what stops a model is worth telling, and that comes back as an error.
    logSeverityLevel: 4,
    extra: {
      session: {
        intra_op: { allow_spinning: options.spinning === false ? '0' : '1' },
        ...weights,
        ...(options.unpack && { disable_quant_qdq: '1' }),
      },
    },
    ...(lent.length > 0 && { externalData: lent }),
    ...(options.profile !== undefined && { enableProfiling: true, profileFilePrefix: options.profile }),
  }
  const name = options.name ?? (typeof model === 'string' ? model : undefined)
  const session = await open(runtime, model, settings, providers, name)
  return wrap(runtime, session, options.profile !== undefined, name)
}

/** What this build of the runtime knows; whether its driver is there shows when a session is opened. */
function checkBuild(providers: readonly Provider[], runtime: Runtime): void {
  const available = new Set(runtime.listSupportedBackends().map(({ name }) => name))
  for (const provider of providers) {
    if (provider !== 'cpu' && !available.has(provider)) throw providerMissing(provider, [...available])
  }
}

const NEEDS: Readonly<Record<Provider, string>> = {
  cpu: '',
  cuda: 'It needs Linux on x64, the CUDA files of onnxruntime-node (its installer fetches them) and an NVIDIA driver.',
  webgpu: 'It needs a graphics driver, on Linux one for Vulkan with libvulkan.so.1.',
  coreml: 'It needs macOS.',
  dml: 'It needs Windows.',
}

function providerMissing(provider: Provider, available: readonly string[], cause?: unknown) {
  const others = available.filter((name) => name !== provider && name in NEEDS)
  return new LookalikeError(
    'onnx/provider',
    {
      problem: `The execution provider ${provider} is not available on this machine${cause instanceof Error ? `: ${cause.message.trim().replace(/\.$/, '')}` : ''}`,
      expected: `one of ${others.join(', ')}`,
      fix: `${NEEDS[provider]} Leave \`providers\` out to run on the CPU.`,
    },
    { fields: { provider, available: others }, cause },
  )
}

async function open(
  runtime: Runtime,
  source: Uint8Array | string,
  settings: RuntimeSettings,
  providers: readonly Provider[],
  name: string | undefined,
): Promise<RuntimeSession> {
  try {
    return await (typeof source === 'string'
      ? runtime.InferenceSession.create(source, settings)
      : runtime.InferenceSession.create(source, settings))
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    const provider = providers.find((name) => name !== 'cpu')
    if (provider && /provider|cuda|webgpu|dml|coreml|shared library/i.test(text)) {
      throw providerMissing(
        provider,
        runtime.listSupportedBackends().map(({ name }) => name),
        cause,
      )
    }
    throw sessionError(cause, name)
  }
}

let last: Promise<unknown> = Promise.resolve()

/**
 * One run after the other, of all sessions: the runtime computes on the calling thread, so nothing is lost, and between two runs the process
 * gets to its timers, signals and connections. Started together, all would be done before any of these.
 */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work)
  last = result.catch(() => undefined)
  return result
}

function wrap(runtime: Runtime, session: RuntimeSession, profiling: boolean, name: string | undefined): Session {
  const inputs = session.inputMetadata.map(toValueInfo)
  const outputs = session.outputMetadata.map(toValueInfo)
  const known = new Map(inputs.map((input) => [input.name, input]))
  let disposed = false
  return {
    inputs,
    outputs,
    async run(feeds, { outputs: wanted = session.outputNames, into = {} } = {}) {
      if (disposed)
        throw new LookalikeError('onnx/disposed', {
          problem: 'The session was disposed and cannot run any more',
          fix: 'Create a new session.',
        })
      checkFeeds(feeds, known)
      const toRuntime = (tensor: Tensor) =>
        new runtime.Tensor(tensor.type as 'float32', tensor.data as Float32Array, tensor.shape)
      const fetches = Object.fromEntries(wanted.map((name) => [name, into[name] ? toRuntime(into[name]) : null]))
      const inputs = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toRuntime(tensor)]))
      const results = await inTurn(() => session.run(inputs, fetches)).catch((cause: unknown) => {
        throw runError(cause, name)
      })
      return Object.fromEntries(wanted.map((name) => [name, into[name] ?? fromRuntime(results[name]!)]))
    },
    async dispose() {
      if (disposed) return
      disposed = true
      if (profiling) session.endProfiling()
      await session.release()
    },
  }
}

function fromRuntime({ type, dims, data }: InstanceType<Runtime['Tensor']>): Tensor {
  // Later versions of JavaScript have an array for halves; here they are their bits everywhere.
  const { buffer, byteOffset, length } = data as Uint16Array
  const values =
    type === 'float16' && !(data instanceof Uint16Array) ? new Uint16Array(buffer, byteOffset, length) : data
  return { type: type as TensorType, shape: dims, data: values } as Tensor
}

function toValueInfo(metadata: RuntimeSession['inputMetadata'][number]): ValueInfo {
  if (!metadata.isTensor) return { name: metadata.name }
  return {
    name: metadata.name,
    type: metadata.type as TensorType,
    // The runtime reports an unknown shape as it reports a scalar's.
    shape: metadata.shape.length > 0 ? metadata.shape.map((dim): Dimension => (dim === '' ? null : dim)) : undefined,
  }
}

function checkFeeds(feeds: Feeds, inputs: ReadonlyMap<string, ValueInfo>): void {
  for (const name of inputs.keys()) {
    if (!feeds[name])
      throw badFeeds(`The input ${name} is missing`, `tensors for ${list(inputs.keys())}`, { input: name })
  }
  for (const [name, tensor] of Object.entries(feeds)) {
    const input = inputs.get(name)
    if (!input) throw badFeeds(`The model has no input ${name}`, `tensors for ${list(inputs.keys())}`, { input: name })
    if (input.type && input.type !== tensor.type)
      throw badFeeds(`The input ${name} came as ${tensor.type}`, input.type, { input: name })
    if (tensor.data.length !== sizeOf(tensor.shape)) {
      throw badFeeds(
        `The input ${name} of shape ${text(tensor.shape)} came with ${tensor.data.length} values`,
        `${sizeOf(tensor.shape)} values`,
        { input: name },
      )
    }
    const fits =
      !input.shape ||
      (input.shape.length === tensor.shape.length &&
        input.shape.every((dim, i) => typeof dim !== 'number' || dim === tensor.shape[i]))
    if (!fits)
      throw badFeeds(`The input ${name} came in the shape ${text(tensor.shape)}`, text(input.shape ?? []), {
        input: name,
        shape: tensor.shape,
      })
  }
}

function badFeeds(problem: string, expected: string, fields: Record<string, unknown>) {
  return new LookalikeError('onnx/feeds', { problem, expected }, { fields })
}

const list = (names: Iterable<string>) => [...names].join(', ')
const text = (shape: readonly Dimension[]) => `[${shape.map((dim) => dim ?? '?').join(', ')}]`
