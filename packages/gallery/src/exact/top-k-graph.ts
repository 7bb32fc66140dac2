import { createGraphBuilder, type OnnxModel } from '@lookalike/onnx'

/**
 * Inner products of queries `[B, dim]` with gallery rows `[N, dim]`, and the `k` largest of each query. ONNX's TopK puts
 * the lower position first among equals. With `bias`, `[N]` is added first: minus infinity hides a row.
 */
export function topKGraph(dim: number, bias: boolean): OnnxModel {
  const g = createGraphBuilder({ name: 'top-k' })
  const queries = g.input('queries', 'float32', ['B', dim])
  const gallery = g.input('gallery', 'float32', ['N', dim])
  const inputs = bias ? [queries, gallery, g.input('bias', 'float32', ['N'])] : [queries, gallery]
  const similarities = g.node('Gemm', inputs, { transB: 1 })
  const k = g.input('k', 'int64', [1])
  const [values, positions] = g.nodes('TopK', [similarities, k], 2, { axis: -1, largest: 1, sorted: 1 })
  g.output(values!, 'values', { type: 'float32', shape: ['B', 'K'] })
  g.output(positions!, 'positions', { type: 'int64', shape: ['B', 'K'] })
  return g.build()
}

/** Inner products of queries `[B, dim]` with gallery rows `[N, dim]`. */
export function similarityGraph(dim: number): OnnxModel {
  const g = createGraphBuilder({ name: 'similarities' })
  const inputs = [g.input('queries', 'float32', ['B', dim]), g.input('gallery', 'float32', ['N', dim])]
  g.output(g.node('Gemm', inputs, { transB: 1 }), 'values', { type: 'float32', shape: ['B', 'N'] })
  return g.build()
}
