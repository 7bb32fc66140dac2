import { LookalikeError } from '@lookalike/core'
import { registerMissingGradients } from './register-missing-gradients.js'
import type { Tensorflow } from './tensorflow.js'
import { registerUnsortedSegmentSum } from './unsorted-segment-sum.js'

export type TensorflowBackend = 'tensorflow' | 'wasm' | 'cpu'

let loading: Promise<Tensorflow> | undefined
let current: TensorflowBackend | undefined

/**
 * TensorFlow.js with its gradients and the fastest backend that this machine has: `@tensorflow/tfjs-node` when it is
 * installed and starts, else WebAssembly, else plain JavaScript. Loaded once a process; a backend that the application
 * chose before is kept.
 *
 * @throws `loss/no-backend` when none starts; the cause holds the last one's error.
 */
export function loadTensorflow(): Promise<Tensorflow> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

/** The backend that `loadTensorflow` chose; undefined before its first call. */
export const tensorflowBackend = (): TensorflowBackend | undefined => current

async function load(): Promise<Tensorflow> {
  const tf = await import('@tensorflow/tfjs-core')
  // In Node the core package's bundle holds no gradients. They register in a table that all copies of the core share.
  await import('@tensorflow/tfjs-core/dist/register_all_gradients.js')
  registerMissingGradients(tf)
  registerUnsortedSegmentSum(tf)
  const chosen = tf.engine().backendName
  if (chosen === 'tensorflow' || chosen === 'wasm' || chosen === 'cpu') {
    current = chosen
    return tf
  }
  // Otherwise the plain JavaScript backend prints advice on the console.
  tf.env().set('PROD', true)
  let cause: unknown
  for (const [name, start] of backends) {
    try {
      await start()
      if (await tf.setBackend(name)) {
        await tf.ready()
        current = name
        return tf
      }
    } catch (error) {
      cause = error
    }
  }
  throw new LookalikeError(
    'loss/no-backend',
    {
      problem: 'No backend of TensorFlow.js starts on this machine',
      expected: '@tensorflow/tfjs-node, the wasm backend or the cpu backend',
      fix: 'Install the dependencies again, and look at the cause.',
    },
    { cause },
  )
}

// An optional peer; the name in a variable keeps compilers and bundlers from looking for it.
const node = '@tensorflow/tfjs-node'

const backends: readonly (readonly [TensorflowBackend, () => Promise<unknown>])[] = [
  ['tensorflow', () => import(/* @vite-ignore */ node)],
  ['wasm', () => import('@tensorflow/tfjs-backend-wasm')],
  ['cpu', () => import('@tensorflow/tfjs-backend-cpu')],
]
