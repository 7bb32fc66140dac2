import { readFile, writeFile } from 'node:fs/promises'
import {
  type Augmentation,
  assertComparable,
  type Combiner,
  createEmbeddings,
  createRandom,
  createRanking,
  type Dataset,
  type Encoder,
  LookalikeError,
  type Loss,
  type LossInput,
  type Preprocessing,
  type Reporter,
  type Reranker,
  type Sampler,
  type Trainer,
  type UnboundLoss,
  type VectorIndex,
  type VectorIndexEngine,
} from '@lookalike/core'
import { innerProduct } from '../compare.js'
import { samplePicture } from '../encoder/sample-batch.js'

/* Small parts that keep every contract; the wrong ones are made from them by changing one thing. */

const preprocessing: Preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: 2, height: 2 },
  interpolation: 'box',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  channels: 'rgb',
  layout: 'nchw',
}

export function goodEncoder(space = 'good/1', gain = 1): Encoder {
  return {
    specVersion: 'v1',
    name: 'good',
    dim: 12,
    space,
    batchSize: 4,
    input: { kind: 'pixels', preprocessing },
    async encode(batch, { signal } = {}) {
      signal?.throwIfAborted()
      if (batch.kind !== 'pixels') throw new Error('pixels expected')
      return createEmbeddings({
        data: batch.data.map((value) => gain * value),
        rows: batch.count,
        dim: 12,
        space,
        role: 'any',
      })
    },
    dispose: async () => {},
  }
}

/** Squared distances to one centre a class, with a running mean that scales nothing: state without effect on gradients. */
export function goodLoss(change: (loss: Loss, memory: { mean: number }) => Partial<Loss> = () => ({})): UnboundLoss {
  return {
    async bind({ dim, classes, seed }) {
      const random = createRandom(seed)
      const centres = Float32Array.from({ length: classes * dim }, () => random.normal())
      const memory = { mean: 0 }
      const loss: Loss = {
        specVersion: 'v1',
        name: 'good',
        input: 'labels',
        parameters: [{ name: 'centres', shape: [classes, dim], data: centres, learningRateFactor: 1, decay: false }],
        async compute({ embeddings, rows, labels }: LossInput) {
          const gradE = new Float32Array(embeddings.length)
          const gradC = new Float32Array(centres.length)
          let value = rows > 0 ? memory.mean * 1e-6 : 0
          for (let i = 0; i < embeddings.length; i++) {
            const at = labels![Math.floor(i / dim)]! * dim + (i % dim)
            const difference = embeddings[i]! - centres[at]!
            value += difference ** 2 / rows
            gradE[i] = (2 * difference) / rows
            gradC[at]! -= (2 * difference) / rows
          }
          if (rows > 0) memory.mean = Math.fround(0.5 * memory.mean + 0.5 * value)
          return {
            value,
            gradients: { embeddings: gradE, parameters: { centres: gradC } },
            logs: { mean: memory.mean },
          }
        },
        state: () => ({ mean: Float32Array.of(memory.mean) }),
        restore: (state) => void (memory.mean = state['mean']![0]!),
        dispose: () => {},
      }
      return { ...loss, ...change(loss, memory) }
    },
  }
}

/** The mean of the members' inner products. */
export function goodCombiner(): Combiner {
  const encoders = [goodEncoder('good/a'), goodEncoder('good/b')]
  const concat = <R extends 'query' | 'gallery'>(
    members: readonly { data: Float32Array; rows: number; space: string }[],
    role: R,
    factor: number,
  ) => {
    if (members.length !== 2 || members.some(({ space }, k) => space !== encoders[k]!.space))
      throw new Error('two members, of good/a and good/b')
    const { rows } = members[0]!
    const data = new Float32Array(rows * 24)
    members.forEach((member, k) => {
      for (let i = 0; i < rows * 12; i++) data[Math.floor(i / 12) * 24 + k * 12 + (i % 12)] = factor * member.data[i]!
    })
    return createEmbeddings({ data, rows, dim: 24, space: 'good/mean', role })
  }
  return {
    specVersion: 'v1',
    name: 'good',
    queryEncoders: encoders,
    galleryEncoders: encoders,
    dim: 24,
    space: 'good/mean',
    combineQuery: async (members) => ({ embeddings: concat(members, 'query', 0.5) }),
    combineGallery: async (members) => {
      const embeddings = concat(members, 'gallery', 1)
      return {
        embeddings,
        uncertainty: Float32Array.from({ length: embeddings.rows }, (_, row) => Math.abs(embeddings.data[row * 24]!)),
      }
    },
    dispose: async () => {},
  }
}

/** Orders the first `topN` by their first dimension. */
export function goodReranker(topN = 10): Reranker {
  return {
    specVersion: 'v1',
    name: 'good',
    needs: 'embeddings',
    topN,
    async rerank({ ranking, candidates }, { signal } = {}) {
      signal?.throwIfAborted()
      const order = Array.from({ length: candidates.rows }, (_, i) => i).sort(
        (a, b) => candidates.data[b * candidates.dim]! - candidates.data[a * candidates.dim]! || a - b,
      )
      const positions = ranking.positions.slice()
      order.forEach((from, to) => (positions[to] = ranking.positions[from]!))
      return { ranking: createRanking(positions, ranking.distances.slice()), warnings: [] }
    },
    dispose: async () => {},
  }
}

export function goodEngine(
  change: (index: VectorIndex, rows: (Float32Array | undefined)[]) => Partial<VectorIndex> = () => ({}),
): VectorIndexEngine {
  return {
    name: 'good',
    saves: true,
    async open({ dim, space, file }) {
      const rows: (Float32Array | undefined)[] = []
      if (file !== undefined) {
        const saved = JSON.parse(await readFile(file, 'utf8')) as { space: string; rows: (number[] | null)[] }
        if (saved.space !== space) throw new Error(`${file} is of the space ${saved.space}`)
        rows.push(...saved.rows.map((row) => (row ? Float32Array.from(row) : undefined)))
      }
      const index: VectorIndex = {
        specVersion: 'v1',
        name: 'good',
        dim,
        space,
        get size() {
          return rows.filter((row) => row).length
        },
        async add(embeddings, { signal } = {}) {
          signal?.throwIfAborted()
          assertComparable(embeddings, { space, dim, role: 'gallery' })
          for (let row = 0; row < embeddings.rows; row++) rows.push(embeddings.data.slice(row * dim, (row + 1) * dim))
        },
        async remove(positions) {
          for (const position of positions) rows[position] = undefined
        },
        async search(queries, k, { allow = () => true, signal } = {}) {
          signal?.throwIfAborted()
          assertComparable(queries, { space, dim, role: 'query' })
          return Array.from({ length: queries.rows }, (_, query) => {
            const vector = queries.data.subarray(query * dim, (query + 1) * dim)
            const found = rows
              .flatMap((row, position) =>
                row && allow(position) ? [{ position, distance: 1 - innerProduct(row, vector) }] : [],
              )
              .sort((a, b) => a.distance - b.distance || a.position - b.position)
              .slice(0, k)
            return createRanking(
              Int32Array.from(found, ({ position }) => position),
              Float32Array.from(found, ({ distance }) => distance),
            )
          })
        },
        save: (target) =>
          writeFile(target, JSON.stringify({ space, rows: rows.map((row) => (row ? [...row] : null)) })),
        dispose: async () => {},
      }
      // Getters have to stay getters.
      return Object.defineProperties(index, Object.getOwnPropertyDescriptors(change({ ...index }, rows)))
    },
  }
}

export function goodDataset(): Dataset {
  return {
    specVersion: 'v1',
    name: 'good',
    items: Array.from({ length: 8 }, (_, i) => ({
      id: `${i}.png`,
      source: samplePicture(i),
      label: `label ${i % 2}`,
      split: 'test' as const,
      isQuery: true,
      isGallery: true,
      box: { x: 0, y: 0, width: 1, height: 0.5 },
      metadata: { i },
    })),
    triples: [{ reference: '0.png', a: '1.png', b: '2.png', closer: 'b', split: 'test', agreement: 0.8 }],
    figures: { agreement: 0.8 },
  }
}

export const goodSampler = (): Sampler => ({
  specVersion: 'v1',
  name: 'good',
  epoch(items, random) {
    const order = random.permutation(items.labels.length)
    return Array.from({ length: Math.floor(order.length / 8) }, (_, i) => order.slice(i * 8, (i + 1) * 8))
  },
})

/** Makes the picture brighter by a random amount. */
export const goodAugmentation = (): Augmentation => ({
  specVersion: 'v1',
  name: 'good',
  apply(image, random) {
    const by = random.integer(50)
    return { ...image, data: image.data.map((value) => Math.min(255, value + by)) }
  },
})

export const goodReporter = (): Reporter => ({
  specVersion: 'v1',
  name: 'good',
  write: (result, output) =>
    output.write('good.json', JSON.stringify(result.stages.map(({ name, metrics }) => ({ name, metrics })))),
})

/** Adds ten random numbers; each step is a checkpoint. */
export const goodTrainer = (): Trainer => ({
  specVersion: 'v1',
  name: 'good',
  async train({ run, signal, onProgress }) {
    const { seed } = run
    const before = run.resumed ? await run.checkpoints.load('last') : undefined
    let state = (before?.facts ?? { step: 0, sum: 0 }) as { step: number; sum: number }
    while (state.step < 10) {
      if (signal?.aborted) return { artefact: 'model.json', metrics: {}, stopped: 'aborted' }
      state = { step: state.step + 1, sum: state.sum + createRandom(`${seed}/${state.step}`).next() }
      await run.checkpoints.save('last', { facts: state, arrays: {} })
      onProgress?.({ phase: 'train', done: state.step, total: 10, unit: 'step' })
    }
    if (!Number.isFinite(state.sum)) throw new LookalikeError('train/diverged', { problem: 'The sum is not finite' })
    await run.write('model.json', JSON.stringify({ sum: state.sum }))
    return { artefact: 'model.json', metrics: { sum: state.sum }, stopped: 'finished' }
  },
})
