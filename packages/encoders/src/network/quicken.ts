import { fuseAttention, type OnnxModel } from '@lookalike/onnx'
import { narrowTokens } from './narrow/narrow-tokens.js'
import { exampleFeeds, type NetworkInput } from './network-input.js'

/**
 * The same network with less to do: the last block computes no more tokens than are read, and each attention is one operator of the runtime
 * (for the CPU and WebAssembly, where that was measured).
 *
 * @param fuse whether attention is fused. Default true.
 */
export async function quicken(model: OnnxModel, input: NetworkInput, fuse = true): Promise<OnnxModel> {
  const narrow = await narrowTokens(model, input)
  return fuse ? fuseAttention(narrow, exampleFeeds(input)) : narrow
}
