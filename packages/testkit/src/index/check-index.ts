import { mkdtemp, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Embeddings, type Ranking, selectRows, type VectorIndex, type VectorIndexEngine } from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { short } from '../compare.js'
import { checkCommon, checkName } from '../contract.js'
import { checkAbort, rejection } from '../rejects.js'
import { sampleVectors } from '../vectors.js'
import { bruteForce } from './brute-force.js'

export interface IndexCheckOptions {
  /** Length of the vectors. Default: 16. */
  readonly dim?: number
  /** Share of the true nearest that a search has to find. Default: 1; approximate engines say less. */
  readonly recall?: number
  /** How far a distance may be from `1 - inner product`. Default: 1e-4; engines that keep vectors in fewer bits need more. */
  readonly tolerance?: number
}

interface Subject {
  readonly options: Required<IndexCheckOptions>
  readonly rows: Embeddings
  readonly queries: Embeddings
  readonly engine: () => Promise<VectorIndexEngine>
  /** An index with the given rows; put away at the end. */
  filled(rows?: Embeddings): Promise<VectorIndex>
  open(file?: string): Promise<VectorIndex>
  folder(): Promise<string>
  close(): Promise<void>
}

const SPACE = 'testkit/vectors'
const ROWS = 300
const QUERIES = 20
const K = 10

const part = (rows: Embeddings, from: number, to: number) =>
  selectRows(
    rows,
    Array.from({ length: to - from }, (_, i) => from + i),
  )

/** Compares rankings with the true ones; rows as near as the last true one count as found. */
function checkFound(
  found: readonly Ranking[],
  queries: Embeddings,
  rows: Embeddings,
  k: number,
  { recall, tolerance }: Required<IndexCheckOptions>,
  report: (message: string) => void,
  allow?: (position: number) => boolean,
): void {
  const truth = bruteForce(queries, rows, allow)
  if (found.length !== queries.rows) return report(`${queries.rows} queries gave ${found.length} rankings`)
  let hits = 0
  let wanted = 0
  for (const [query, { positions, distances }] of found.entries()) {
    const all = truth[query]!
    const nearest = all.slice(0, k)
    if (positions.length !== nearest.length || distances.length !== nearest.length) {
      return report(
        `query ${query} found ${positions.length} rows with ${distances.length} distances; expected: ${nearest.length} of each`,
      )
    }
    if (new Set(positions).size !== positions.length) return report(`query ${query} found a row twice`)
    const distanceOf = new Map(all.map(({ position, distance }) => [position, distance]))
    for (const [rank, position] of positions.entries()) {
      const real = distanceOf.get(position)
      if (real === undefined)
        return report(`query ${query} found position ${position}, which is not there or not allowed`)
      if (!(Math.abs(distances[rank]! - real) <= tolerance)) {
        return report(
          `query ${query} puts row ${position} at the distance ${short(distances[rank]!)}; 1 - inner product is ${short(real)}`,
        )
      }
      if (rank > 0 && distances[rank]! < distances[rank - 1]!)
        return report(`the distances of query ${query} fall at rank ${rank + 1}`)
      if (real <= nearest.at(-1)!.distance + tolerance) hits++
    }
    wanted += nearest.length
  }
  if (wanted > 0 && hits / wanted < recall)
    report(`it found ${short(hits / wanted)} of the nearest ${k}; claimed: ${recall}`)
}

const checks: readonly Check<Subject>[] = [
  {
    id: 'index/contract',
    claim: 'says what it is: name, dim, space, size',
    async run({ engine, filled, options }, report) {
      checkName((await engine()).name, report)
      const index = await filled()
      checkCommon(index, report)
      if (index.dim !== options.dim) report(`opened for ${options.dim} values, its dim is ${index.dim}`)
      if (index.space !== SPACE) report(`opened for the space "${SPACE}", its space is "${index.space}"`)
      if (index.size !== ROWS) report(`with ${ROWS} rows its size is ${index.size}`)
    },
  },
  {
    id: 'index/empty',
    claim: 'is searched without harm while it is empty',
    async run({ open, queries }, report) {
      const index = await open()
      if (index.size !== 0) report(`empty, its size is ${index.size}`)
      const found = await index.search(queries, K)
      if (found.length !== queries.rows || found.some(({ positions }) => positions.length > 0))
        report('empty, it did not give an empty ranking for each query')
      await index.dispose()
    },
  },
  {
    id: 'index/recall',
    claim: 'finds the nearest rows with their distances',
    async run({ filled, queries, rows, options }, report) {
      checkFound(await (await filled()).search(queries, K), queries, rows, K, options, report)
    },
  },
  {
    id: 'index/large-k',
    claim: 'gives every row when asked for more than there are',
    async run({ filled, queries, rows, options }, report) {
      const few = part(rows, 0, 7)
      checkFound(await (await filled(few)).search(queries, 50), queries, few, 50, options, report)
    },
  },
  {
    id: 'index/incremental',
    claim: 'finds rows that were added later, by position',
    async run({ open, queries, rows, options }, report) {
      const index = await open()
      for (const [from, to] of [
        [0, 1],
        [1, 120],
        [120, ROWS],
      ] as const)
        await index.add(part(rows, from, to))
      if (index.size !== ROWS) report(`after three additions its size is ${index.size}; expected: ${ROWS}`)
      checkFound(await index.search(queries, K), queries, rows, K, options, report)
      await index.dispose()
    },
  },
  {
    id: 'index/own-copy',
    claim: 'keeps its own copy of the vectors',
    async run({ filled, queries, rows, options }, report) {
      const lent = { ...rows, data: rows.data.slice() }
      const index = await filled(lent)
      lent.data.fill(0)
      checkFound(await index.search(queries, K), queries, rows, K, options, report)
    },
  },
  {
    id: 'index/remove',
    claim: 'never finds removed rows again, nor gives their positions to others',
    async run({ filled, queries, rows, options }, report) {
      const index = await filled(part(rows, 0, ROWS - 50))
      const gone = new Set(Array.from({ length: 60 }, (_, i) => i * 4))
      await index.remove([...gone])
      if (index.size !== ROWS - 50 - gone.size)
        report(`after ${gone.size} of ${ROWS - 50} rows were removed, its size is ${index.size}`)
      await index.add(part(rows, ROWS - 50, ROWS))
      checkFound(await index.search(queries, K), queries, rows, K, options, report, (position) => !gone.has(position))
    },
  },
  {
    id: 'index/filter',
    claim: 'searches among the allowed rows only',
    async run({ filled, queries, rows, options }, report) {
      const index = await filled()
      const filters = {
        'every third row': (position: number) => position % 3 === 0,
        'four rows': (position: number) => position < 4,
        'no row': () => false,
      }
      for (const [what, allow] of Object.entries(filters)) {
        checkFound(
          await index.search(queries, K, { allow }),
          queries,
          rows,
          K,
          options,
          (message) => report(`with ${what} allowed, ${message}`),
          allow,
        )
      }
    },
  },
  {
    id: 'index/spaces',
    claim: 'refuses vectors of another space, length or role',
    async run({ filled, queries, rows, options }, report) {
      const index = await filled()
      const other = { ...rows, space: 'testkit/other' }
      const longer = sampleVectors('longer', 2, options.dim + 1, SPACE, 'any')
      const attempts: Record<string, () => Promise<unknown>> = {
        'rows of another space were added': () => index.add(other),
        'a query of another space was searched': () => index.search({ ...queries, space: 'testkit/other' }, 1),
        'rows of another length were added': () => index.add(longer),
        'a query of another length was searched': () => index.search(longer, 1),
        'query vectors were added': () => index.add({ ...rows, role: 'query' }),
        'gallery vectors were searched for': () => index.search({ ...queries, role: 'gallery' }, 1),
      }
      for (const [what, attempt] of Object.entries(attempts))
        if (!(await rejection(attempt)).rejected) report(`${what}; expected: assertComparable of @lookalike/core`)
      if (index.size !== ROWS) report(`after refused additions its size is ${index.size}; expected: ${ROWS}`)
    },
  },
  {
    id: 'index/persistence',
    claim: 'is the same after it was saved and opened, and goes on from there',
    async run({ engine, filled, open, folder, queries, rows, options }, report) {
      const index = await filled(part(rows, 0, ROWS - 20))
      const { saves = false } = await engine()
      if (saves !== (index.save !== undefined))
        report(`the engine's "saves" is ${saves}, and its index has ${index.save ? 'a' : 'no'} "save"`)
      if (!index.save) return NOT_CLAIMED
      await index.remove([3, 5])
      const file = path.join(await folder(), 'saved')
      await index.save(file)
      const opened = await open(file)
      const kept = (position: number) => position !== 3 && position !== 5
      if (opened.size !== index.size) report(`saved with ${index.size} rows, it opened with ${opened.size}`)
      checkFound(
        await opened.search(queries, K),
        queries,
        part(rows, 0, ROWS - 20),
        K,
        options,
        (message) => report(`opened, ${message}`),
        kept,
      )
      await opened.add(part(rows, ROWS - 20, ROWS))
      await opened.remove([7])
      checkFound(
        await opened.search(queries, K),
        queries,
        rows,
        K,
        options,
        (message) => report(`opened and changed, ${message}`),
        (position) => kept(position) && position !== 7,
      )
      await opened.dispose()
    },
  },
  {
    id: 'index/damaged-file',
    claim: 'refuses a saved file that was cut short, is missing, or is of another space',
    async run({ engine, filled, folder, options }, report) {
      const index = await filled()
      if (!index.save) return NOT_CLAIMED
      const { dim } = options
      const file = path.join(await folder(), 'damaged')
      const attempt = async (what: string, binding: { dim: number; space: string; file: string }) => {
        const outcome = await rejection(async () => (await (await engine()).open(binding)).dispose())
        if (!outcome.rejected) report(`${what} was opened without complaint`)
      }
      await index.save(file)
      await attempt('a file of another space', { dim, space: 'testkit/other', file })
      await attempt('a missing file', { dim, space: SPACE, file: `${file}.missing` })
      await truncate(file, Math.floor((await stat(file)).size / 2))
      await attempt('a file cut in half', { dim, space: SPACE, file })
    },
  },
  {
    id: 'index/abort',
    claim: 'stops when it is asked to',
    async run({ filled, queries, rows }, report) {
      const index = await filled()
      await checkAbort(
        (signal) => index.search(queries, K, { signal }),
        (message) => report(`search: ${message}`),
      )
      await checkAbort(
        (signal) => index.add(rows, { signal }),
        (message) => report(`add: ${message}`),
      )
      if (index.size !== ROWS) report(`after an aborted addition its size is ${index.size}; expected: ${ROWS}`)
    },
  },
  {
    id: 'index/dispose',
    claim: 'can be put away without harm to others of its kind',
    async run({ open, filled, queries, rows, options }, report) {
      const [one, other] = [await open(), await filled()]
      await one.add(rows)
      await one.dispose()
      checkFound(await other.search(queries, K), queries, rows, K, options, (message) =>
        report(`after another was put away, ${message}`),
      )
    },
  },
]

export const indexSuite: Suite<VectorIndexEngine, IndexCheckOptions, Subject> = {
  checks,
  open(create, given) {
    const options = { dim: 16, recall: 1, tolerance: 1e-4, ...given }
    const folders: string[] = []
    const made: VectorIndex[] = []
    let shared: Promise<VectorIndexEngine> | undefined
    const engine = () => (shared ??= Promise.resolve(create()))
    const rows = sampleVectors('rows', ROWS, options.dim, SPACE, 'any')
    const open = async (file?: string) => (await engine()).open({ dim: options.dim, space: SPACE, file })
    return {
      options,
      rows,
      queries: sampleVectors('queries', QUERIES, options.dim, SPACE, 'any'),
      engine,
      open,
      async filled(vectors = rows) {
        const index = await open()
        made.push(index)
        await index.add(vectors)
        return index
      },
      async folder() {
        const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-testkit-'))
        folders.push(folder)
        return folder
      },
      async close() {
        for (const index of made) await index.dispose()
        for (const folder of folders) await rm(folder, { recursive: true, force: true })
      },
    }
  },
  close: (subject) => subject.close(),
}

/**
 * Checks a search engine: recall against comparing everything, distances, growth, removal, filters, spaces, saved files, abort.
 *
 * @example
 * const issues = await checkIndex(() => myEngine(), { recall: 0.95 })
 */
export const checkIndex = (
  create: Create<VectorIndexEngine>,
  options: IndexCheckOptions = {},
): Promise<readonly Issue[]> => runSuite(indexSuite, create, options)
