import { createGraphBuilder, createSession, float32, type SessionOptions } from '@lookalike/onnx'
import type { ImageCode } from '../codes/image-code.js'
import { readTokens } from './late-tokens.js'

/** Compares one image's local tokens with those of others. */
export interface LateScorer {
  /**
   * Mean cosine of each token with its best match in the other image, in both directions (Khattab and Zaharia, ColBERT, SIGIR 2020, arXiv
   * 2004.12832, made symmetric: ours). One a candidate, in [-1, 1].
   */
  score(query: ImageCode, candidates: readonly ImageCode[]): Promise<Float32Array>
  dispose(): Promise<void>
}

/** Candidates that are compared at once: memory stays bounded. */
const AT_ONCE = 32

/** @param dim length of a token */
export async function createLateScorer(dim: number, options: SessionOptions = {}): Promise<LateScorer> {
  const g = createGraphBuilder({ name: 'late-interaction' })
  const query = g.input('query', 'float32', ['T', dim])
  const candidates = g.input('candidates', 'float32', ['N', 'C', dim])
  const cosines = g.matMul(candidates, g.transpose(query, [1, 0]))
  const best = (axis: number) => g.reduceMean(g.reduceMax(cosines, [axis], false), [1], false)
  g.output(g.mul(g.add(best(1), best(2)), g.floats(0.5)), 'similarity', { shape: ['N'] })
  const session = await createSession(g.build(), options)
  return {
    async score(asked, others) {
      const tokens = asked.embedding.length
      const scores = new Float32Array(others.length)
      const row = new Float32Array(tokens * dim)
      readTokens(asked, dim, row)
      for (let start = 0; start < others.length; start += AT_ONCE) {
        const part = others.slice(start, start + AT_ONCE)
        const data = new Float32Array(part.length * tokens * dim)
        part.forEach((code, i) => readTokens(code, dim, data, i * tokens * dim))
        const { similarity } = await session.run({
          query: float32(row, [tokens, dim]),
          candidates: float32(data, [part.length, tokens, dim]),
        })
        scores.set(similarity!.data as Float32Array, start)
      }
      return scores
    },
    dispose: () => session.dispose(),
  }
}
