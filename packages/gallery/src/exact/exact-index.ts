import {
  assertComparable,
  definePlugin,
  LookalikeError,
  type Plugin,
  type VectorIndex,
  type VectorIndexEngine,
} from '@lookalike/core'
import { checkK } from '@lookalike/core/gallery'
import { z } from 'zod'
import { createBlockSearcher } from './block-searcher.js'
import { createRowBlocks } from './row-blocks.js'

const options = z.strictObject({
  threads: z.int().min(1).optional().describe('Processor threads of a search. Default: all.'),
})

export type ExactOptions = z.input<typeof options>

declare module '@lookalike/core' {
  interface IndexPlugins {
    exact: ExactOptions
  }
}

/** An engine that compares every query with every row, by blocked matrix products in onnxruntime-node. */
export function exactEngine({ threads }: ExactOptions = {}): VectorIndexEngine {
  return {
    name: 'exact',
    async open({ dim, space, file }): Promise<VectorIndex> {
      if (file !== undefined) {
        throw new LookalikeError('index/no-snapshot', {
          problem: `The exact index was asked to open ${file}`,
          expected: 'no file: it is made from the vectors',
        })
      }
      return createExactIndex(dim, space, threads)
    },
  }
}

function createExactIndex(dim: number, space: string, threads?: number): VectorIndex {
  const rows = createRowBlocks(dim)
  const removed = new Set<number>()
  const searcher = createBlockSearcher(dim, threads)
  return {
    specVersion: 'v1',
    name: 'exact',
    dim,
    space,
    get size() {
      return rows.rows - removed.size
    },
    async add(embeddings, { signal } = {}) {
      signal?.throwIfAborted()
      assertComparable(embeddings, { space, dim, role: 'gallery' })
      rows.append(embeddings.data, embeddings.rows)
    },
    async remove(positions) {
      checkPositions(positions, rows.rows)
      for (const position of positions) removed.add(position)
    },
    async search(queries, k, { allow, ...rest } = {}) {
      checkK(k)
      assertComparable(queries, { space, dim, role: 'query' })
      const found =
        removed.size === 0 ? allow : (position: number) => !removed.has(position) && (allow?.(position) ?? true)
      return searcher.search(rows.blocks, queries.data, queries.rows, k, { ...rest, allow: found })
    },
    dispose: () => searcher.dispose(),
  }
}

/** @throws `index/position` for a position that was never given. */
export function checkPositions(positions: readonly number[], given: number): void {
  for (const position of positions) {
    if (Number.isInteger(position) && position >= 0 && position < given) continue
    throw new LookalikeError(
      'index/position',
      {
        problem: `There is no position ${position} in an index of ${given} rows`,
        expected: `a whole number from 0 to ${given - 1}`,
      },
      { fields: { position, rows: given } },
    )
  }
}

/** Left out rather than undefined. */
const withThreads = (threads: number | undefined): { threads?: number | undefined } =>
  threads === undefined ? {} : { threads }

export const exactPlugin: Plugin<'index'> = definePlugin({
  specVersion: 'v1',
  kind: 'index',
  name: 'exact',
  description: 'Compares every query with every image; exact, and fast up to a few hundred thousand images.',
  options,
  create: ({ threads }, context) => exactEngine(withThreads(threads ?? context.threads)),
})
