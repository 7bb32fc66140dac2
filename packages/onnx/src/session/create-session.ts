import { availableParallelism } from 'node:os'
import { LookalikeError } from '@lookalike/core'
import type * as Runtime from 'onnxruntime-node'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import type { Dimension, OnnxModel, ValueInfo } from '../model/model.js'
import { sizeOf, type Tensor, type TensorType } from '../model/tensor.js'
import { writeModel } from '../model/write-model.js'

export const PROVIDERS = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const

export type Provider = (typeof PROVIDERS)[number]

export interface SessionOptions {
  /** Threads of one operator. Default: the number of cores. */
  readonly threads?: number
  /** Where to run, first choice first. Default `['cpu']`. */
  readonly providers?: readonly Provider[]
  /** Whether waiting threads spin instead of sleeping: faster for one session at a time, in the way of everything else. Default true. */
  readonly spinning?: boolean
  /** How far the runtime rewrites the graph. Default `all`. */
  readonly optimisation?: 'disabled' | 'basic' | 'extended' | 'all'
  /** Keep freed memory for the next run: faster, and the session's memory stays at its peak. Default true. */
  readonly arena?: boolean
  /** Write the runtime's timing of every node to `<prefix>_<date>.json` when the session is disposed. */
  readonly profile?: string
}

export type Feeds = Readonly<Record<string, Tensor>>

export interface RunOptions {
  /** Only these outputs are computed. Default: all. */
  readonly outputs?: readonly string[]
  /** Tensors that get the results in place, by output. Shapes must be exact. */
  readonly into?: Readonly<Record<string, Tensor>>
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
 * Opens a model in onnxruntime-node, from plain data, from the bytes of a file or from its path.
 *
 * @throws `onnx/runtime-missing` without onnxruntime-node; `onnx/provider` when a provider is not there; `onnx/session` when the
 * runtime refuses the model. `run` throws `onnx/feeds` for missing, unknown or unfitting inputs, `onnx/run` when the runtime fails and
 * `onnx/disposed`.
 * @example
 * const session = await createSession('model.onnx')
 * const { embedding } = await session.run({ pixels: float32(data, [1, 3, 64, 64]) })
 * await session.dispose()
 */
export async function createSession(
  model: OnnxModel | Uint8Array | string,
  options: SessionOptions = {},
): Promise<Session> {
  const runtime = await loadRuntime()
  const providers = options.providers ?? ['cpu']
  checkBuild(providers, runtime)
  const settings: Runtime.InferenceSession.SessionOptions = {
    intraOpNumThreads: options.threads ?? availableParallelism(),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimisation ?? 'all',
    executionProviders: [...providers],
    enableCpuMemArena: options.arena ?? true,
    enableMemPattern: options.arena ?? true,
    // Only what stops a model is worth telling, and that comes back as an error.
    logSeverityLevel: 4,
    extra: { session: { intra_op: { allow_spinning: options.spinning === false ? '0' : '1' } } },
    ...(options.profile !== undefined && { enableProfiling: true, profileFilePrefix: options.profile }),
  }
  const source = typeof model === 'string' || model instanceof Uint8Array ? model : writeModel(model)
  const session = await open(runtime, source, settings, providers)
  return wrap(runtime, session, options.profile !== undefined)
}

/**
 * Opens each provider once on a graph of one node, so that one that is not there shows before any work is done.
 *
 * @throws `onnx/provider`, `onnx/runtime-missing`
 */
export async function checkProviders(providers: readonly Provider[]): Promise<void> {
  const g = createGraphBuilder()
  g.output(g.relu(g.input('x', 'float32', [1])), 'y')
  const model = g.build()
  for (const provider of providers) {
    if (provider !== 'cpu') await (await createSession(model, { providers: [provider], threads: 1 })).dispose()
  }
}

let loading: Promise<typeof Runtime> | undefined

function loadRuntime(): Promise<typeof Runtime> {
  loading ??= import('onnxruntime-node').catch((cause: unknown) => {
    loading = undefined
    throw new LookalikeError(
      'onnx/runtime-missing',
      {
        problem: 'onnxruntime-node, which runs the models, could not be loaded',
        fix: 'Install it: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node',
      },
      { cause },
    )
  })
  return loading
}

/** What this build of the runtime knows; whether its driver is there shows when a session is opened. */
function checkBuild(providers: readonly Provider[], runtime: typeof Runtime): void {
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
  runtime: typeof Runtime,
  source: Uint8Array | string,
  settings: Runtime.InferenceSession.SessionOptions,
  providers: readonly Provider[],
): Promise<Runtime.InferenceSession> {
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
    throw new LookalikeError(
      'onnx/session',
      {
        problem: `The runtime refuses the model${typeof source === 'string' ? ` ${source}` : ''}: ${text}`,
        fix: 'Check that the file is a whole ONNX model of opset 11 to 21.',
      },
      { fields: typeof source === 'string' ? { path: source } : {}, cause },
    )
  }
}

function wrap(runtime: typeof Runtime, session: Runtime.InferenceSession, profiling: boolean): Session {
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
      const results = await session
        .run(Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toRuntime(tensor)])), fetches)
        .catch((cause: unknown) => {
          const text = cause instanceof Error ? cause.message : String(cause)
          throw new LookalikeError('onnx/run', { problem: `The model failed while running: ${text}` }, { cause })
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

function fromRuntime({ type, dims, data }: Runtime.Tensor): Tensor {
  return { type: type as TensorType, shape: dims, data } as Tensor
}

function toValueInfo(metadata: Runtime.InferenceSession.ValueMetadata): ValueInfo {
  if (!metadata.isTensor) return { name: metadata.name }
  return {
    name: metadata.name,
    type: metadata.type as TensorType,
    // The runtime reports an unknown shape as it reports a scalar's.
    ...(metadata.shape.length > 0 && { shape: metadata.shape.map((dim): Dimension => (dim === '' ? null : dim)) }),
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
