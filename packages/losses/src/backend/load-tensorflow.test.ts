import { beforeEach, describe, expect, it, vi } from 'vitest'

const startNode = vi.fn()
// Stands in for the package, whose binary cannot be installed everywhere: it registers the backend that the real one does.
vi.mock('@tensorflow/tfjs-node', async () => {
  const tf = await import('@tensorflow/tfjs-core')
  const { MathBackendCPU } = await import('@tensorflow/tfjs-backend-cpu/dist/backend_cpu.js')
  startNode()
  tf.registerBackend('tensorflow', () => new MathBackendCPU())
  return {}
})

describe('loadTensorflow', () => {
  beforeEach(() => {
    vi.resetModules()
  })

  it('takes tfjs-node where it is installed, once a process', async () => {
    const { loadTensorflow, tensorflowBackend } = await import('./load-tensorflow.js')
    expect(tensorflowBackend()).toBeUndefined()
    const [tf, again] = await Promise.all([loadTensorflow(), loadTensorflow()])
    expect(again).toBe(tf)
    expect(startNode).toHaveBeenCalledTimes(1)
    expect(tf.getBackend()).toBe('tensorflow')
    expect(tensorflowBackend()).toBe('tensorflow')
  })
})
