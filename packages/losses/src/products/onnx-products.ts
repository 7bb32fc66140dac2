import { type Matrix, matrix, type Products } from './products.js'

/** The products by onnxruntime, on all cores. Each is a graph of one or two nodes. Undefined in a bundle for the browser. */
export async function onnxProducts(): Promise<Products | undefined> {
  const { createGraphBuilder, createSession, float32 } = await import('@lookalike/onnx')
  // The package.json's `browser` puts an empty module in its place.
  if (createSession === undefined) return undefined
  type Builder = ReturnType<typeof createGraphBuilder>
  const compile = async (product: (g: Builder, a: string, b: string) => string) => {
    const g = createGraphBuilder()
    const a = g.input('a', 'float32', ['M', 'N'])
    const b = g.input('b', 'float32', ['K', 'L'])
    g.output(product(g, a, b), 'c')
    // Threads that spin would slow the encoder's own session, which runs next.
    const session = await createSession(g.build(), { spinning: false })
    return async (a: Matrix, b: Matrix): Promise<Matrix> => {
      const { c } = await session.run({ a: float32(a.data, [a.rows, a.cols]), b: float32(b.data, [b.rows, b.cols]) })
      return matrix(c!.data as Float32Array, c!.shape[0]!, c!.shape[1]!)
    }
  }
  return {
    name: 'onnxruntime',
    abt: await compile((g, a, b) => g.gemm(a, b, undefined, { transB: true })),
    ab: await compile((g, a, b) => g.matMul(a, b)),
    // Faster than a Gemm that reads `a` by columns.
    atb: await compile((g, a, b) => g.matMul(g.transpose(a, [1, 0]), b)),
  }
}
