import { readFile, writeFile } from 'node:fs/promises'
import {
  assertComparable,
  createRanking,
  definePlugin,
  LookalikeError,
  type Ranking,
  rowOf,
  type VectorIndex,
  type VectorIndexEngine,
} from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  yieldEvery: z.int().min(1).default(64).describe('Queries between two looks at the abort signal.'),
})

declare module '@lookalike/core' {
  interface IndexPlugins {
    'my-plugin': z.input<typeof options>
  }
}

interface Saved {
  readonly space: string
  readonly dim: number
  /** By position; null where a row was removed. */
  readonly rows: readonly (readonly number[] | null)[]
}

/** Compares a query with every row. Positions of removed rows are never given to others. */
const createEngine = ({ yieldEvery }: z.output<typeof options>): VectorIndexEngine => ({
  name: 'my-plugin',
  saves: true,
  async open({ dim, space, file }) {
    const rows: (Float32Array | undefined)[] = file === undefined ? [] : await readRows(file, dim, space)

    const searchOne = (query: Float32Array, k: number, allow: (position: number) => boolean): Ranking => {
      const found: { position: number; distance: number }[] = []
      rows.forEach((row, position) => {
        if (row && allow(position))
          found.push({ position, distance: Math.fround(1 - row.reduce((sum, value, i) => sum + value * query[i]!, 0)) })
      })
      const nearest = found.sort((a, b) => a.distance - b.distance || a.position - b.position).slice(0, k)
      return createRanking(
        Int32Array.from(nearest, ({ position }) => position),
        Float32Array.from(nearest, ({ distance }) => distance),
      )
    }

    return {
      specVersion: 'v1',
      name: 'my-plugin',
      dim,
      space,
      get size() {
        return rows.filter((row) => row).length
      },
      async add(embeddings, { signal } = {}) {
        signal?.throwIfAborted()
        assertComparable(embeddings, { space, dim, role: 'gallery' })
        for (let row = 0; row < embeddings.rows; row++) rows.push(rowOf(embeddings, row).slice())
      },
      async remove(positions) {
        for (const position of positions) rows[position] = undefined
      },
      async search(queries, k, { allow = () => true, signal } = {}) {
        assertComparable(queries, { space, dim, role: 'query' })
        const rankings: Ranking[] = []
        for (let row = 0; row < queries.rows; row++) {
          if (row % yieldEvery === 0) signal?.throwIfAborted()
          rankings.push(searchOne(rowOf(queries, row), k, allow))
        }
        return rankings
      },
      save: (target) =>
        writeFile(
          target,
          JSON.stringify({ space, dim, rows: rows.map((row) => (row ? [...row] : null)) } satisfies Saved),
        ),
      dispose: async () => {},
    } satisfies VectorIndex
  },
})

async function readRows(file: string, dim: number, space: string): Promise<(Float32Array | undefined)[]> {
  const damaged = (problem: string, cause?: unknown) =>
    new LookalikeError('index/file', { problem: `${file} ${problem}`, fix: 'Build the index again.' }, { cause })
  const saved = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as Saved)
    .catch((cause: unknown) => {
      throw damaged('is not there or damaged', cause)
    })
  if (saved.space !== space || saved.dim !== dim) throw damaged(`is of the space ${saved.space}; expected: ${space}`)
  return saved.rows.map((row) => (row ? Float32Array.from(row) : undefined))
}

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'index',
  name: 'my-plugin',
  description: 'Compares a query with every row, in plain JavaScript.',
  options,
  create: createEngine,
})

export default [myPlugin]
