/**
 * Reranking 5, 20 and 100 candidates, tokens in memory, as a share of the raw `session.run` on the same pairs. Random weights: only time is
 * measured. Both take turns; figures are medians.
 *
 *     npx turbo run build --filter=@lookalike/rerank --filter=@lookalike/encoders && node bench/rerank.mjs [--rounds 9] [--dim 192] [--depth 12] [--fusion late]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createEmbeddings, createRandom, createRanking } from '@lookalike/core'
import { buildVit } from '@lookalike/encoders'
import { encodePng } from '@lookalike/image'
import { saveModel, writeModel } from '@lookalike/onnx'
import { buildPairModel, createPairScorer, createStir, pairPart } from '@lookalike/rerank'
import * as ort from 'onnxruntime-node'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    dim: { type: 'string', default: '192' },
    depth: { type: 'string', default: '12' },
    size: { type: 'string', default: '64' },
    fusion: { type: 'string', default: 'late' },
    candidates: { type: 'string', default: '5,20,100' },
  },
})
const size = Number(values.size)
const dim = Number(values.dim)
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

const folder = await mkdtemp(join(tmpdir(), 'bench-rerank-'))
try {
  const vit = buildVit({
    imageSize: size,
    patchSize: 8,
    dim,
    depth: Number(values.depth),
    heads: Math.max(1, dim / 64),
  })
  const preprocessing = JSON.parse(vit.metadata['lookalike.preprocessing'])
  const fusion = values.fusion === 'late' ? 'late' : Number(values.fusion)
  const { model, spec } = await buildPairModel({ model: vit, output: 'embedding', preprocessing }, { fusion })
  const file = join(folder, 'pair.onnx')
  await saveModel(file, model)
  const scorer = await createPairScorer(model, spec, preprocessing)
  const raw = await ort.InferenceSession.create(writeModel(pairPart(model, spec)))
  const random = createRandom(1)
  for (const count of values.candidates.split(',').map(Number)) {
    const images = Array.from({ length: count + 1 }, () => ({
      source: {
        data: Uint8Array.from({ length: size * size * 3 }, () => random.integer(256)),
        width: size,
        height: size,
      },
    }))
    const files = await Promise.all(
      images.map(async ({ source }, i) => {
        const path = join(folder, `${i}.png`)
        await writeFile(path, await encodePng(source))
        return { source: path }
      }),
    )
    const reranker = await createStir({ model: file, topN: count })
    const none = createEmbeddings({ data: new Float32Array(0), rows: 0, dim: 1, space: 's', role: 'any' })
    const request = {
      ranking: createRanking(
        Int32Array.from({ length: count }, (_, i) => i),
        Float32Array.from({ length: count }, (_, i) => i),
      ),
      query: none,
      candidates: none,
      queryImage: files[0],
      candidateImages: files.slice(1),
    }
    const codes = await scorer.encode(files)
    const joined = (parts, Type) => {
      const out = new Type(parts.length * parts[0].length)
      parts.forEach((part, i) => out.set(part, i * part.length))
      return out
    }
    const half = (list) =>
      new ort.Tensor(
        'float16',
        joined(
          list.map(({ tokens }) => tokens),
          Uint16Array,
        ),
        [count, ...spec.tokens],
      )
    const full = (list) =>
      new ort.Tensor(
        'float32',
        joined(
          list.map(({ embedding }) => embedding),
          Float32Array,
        ),
        [count, spec.embedding],
      )
    const queries = files.slice(1).map(() => codes[0])
    const feeds = {
      'pair.query_tokens.half': half(queries),
      'pair.candidate_tokens.half': half(codes.slice(1)),
      ...(spec.stageOne && { 'pair.query_embedding': full(queries), 'pair.candidate_embedding': full(codes.slice(1)) }),
    }
    const times = { raw: [], ours: [] }
    for (let round = -2; round < Number(values.rounds); round++) {
      const started = performance.now()
      await raw.run(feeds)
      const between = performance.now()
      await reranker.rerank(request)
      const ended = performance.now()
      if (round < 0) continue
      times.raw.push(between - started)
      times.ours.push(ended - between)
    }
    await reranker.dispose()
    console.log(
      JSON.stringify({
        fusion: spec.fusion,
        candidates: count,
        rawMilliseconds: +median(times.raw).toFixed(2),
        rerankMilliseconds: +median(times.ours).toFixed(2),
        share: +(median(times.raw) / median(times.ours)).toFixed(3),
      }),
    )
  }
  await scorer.dispose()
  await raw.release()
} finally {
  await rm(folder, { recursive: true })
}
