import type { Tensorflow } from './tensorflow.js'

/**
 * The wasm backend lacks the kernel that `gather`'s gradient needs. Rows of `x` with one segment id are added up;
 * negative ids are left out, as in TensorFlow.
 */
export function registerUnsortedSegmentSum(tf: Tensorflow): void {
  if (tf.getKernel('UnsortedSegmentSum', 'wasm')) return
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const { x, segmentIds } = inputs
      const numSegments = Number(attrs?.['numSegments'])
      const backend = tf.backend()
      const ids = backend.readSync(segmentIds!.dataId) as Int32Array
      const values = backend.readSync(x!.dataId) as Float32Array
      const inner = ids.length > 0 ? values.length / ids.length : 0
      const sums = new Float32Array(numSegments * inner)
      for (let row = 0; row < ids.length; row++) {
        const segment = ids[row]!
        if (segment < 0) continue
        for (let i = 0; i < inner; i++) sums[segment * inner + i]! += values[row * inner + i]!
      }
      const shape = [numSegments, ...x!.shape.slice(segmentIds!.shape.length)]
      return { dataId: backend.write(sums, shape, 'float32'), shape, dtype: 'float32' }
    },
  })
}
