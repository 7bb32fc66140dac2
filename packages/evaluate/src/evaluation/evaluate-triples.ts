import {
  type DatasetItem,
  dot,
  type ImageRequest,
  LookalikeError,
  type OperationOptions,
  rowOf,
  type Triple,
} from '@lookalike/core'
import { tripletAccuracy } from '../metrics/triplet-accuracy.js'
import type { Embed } from './evaluation.js'

export interface TriplesResult {
  /** Share of the triples whose closer image has the larger similarity; equal ones count half. 0 when none was counted. */
  readonly accuracy: number
  /** The same by context, where the triples have contexts. */
  readonly contexts: Readonly<Record<string, number>>
  readonly counted: number
  /** Triples left out because an image could not be read. */
  readonly skipped: number
}

/** How often the model agrees with the triples on which image is closer. */
export async function evaluateTriples(
  embed: Embed,
  items: readonly DatasetItem[],
  triples: readonly Triple[],
  options: OperationOptions = {},
): Promise<TriplesResult> {
  const byId = new Map(items.map((item) => [item.id, item]))
  const references = await embedIds(new Set(triples.map(({ reference }) => reference)), 'query')
  const candidates = await embedIds(new Set(triples.flatMap(({ a, b }) => [a, b])), 'gallery')
  const all = createPairs()
  const perContext = new Map<string, ReturnType<typeof createPairs>>()
  for (const { reference, a, b, closer, context } of triples) {
    const query = references(reference)
    const chosen = candidates(closer === 'a' ? a : b)
    const other = candidates(closer === 'a' ? b : a)
    if (!query || !chosen || !other) continue
    const distances = [1 - dot(query, chosen), 1 - dot(query, other)] as const
    all.add(...distances)
    if (context === undefined) continue
    const own = perContext.get(context) ?? createPairs()
    own.add(...distances)
    perContext.set(context, own)
  }
  return {
    accuracy: all.count() === 0 ? 0 : all.accuracy(),
    contexts: Object.fromEntries(
      [...perContext].sort(([x], [y]) => (x < y ? -1 : 1)).map(([name, own]) => [name, own.accuracy()]),
    ),
    counted: all.count(),
    skipped: triples.length - all.count(),
  }

  async function embedIds(
    ids: ReadonlySet<string>,
    role: 'query' | 'gallery',
  ): Promise<(id: string) => Float32Array | undefined> {
    const order = [...ids]
    const images = order.map((id) => requestOf(byId, id))
    const { embeddings, positions } = await embed(images, role, options)
    const rows = new Map(Array.from(positions, (position, row) => [order[position]!, row]))
    return (id) => {
      const row = rows.get(id)
      return row === undefined ? undefined : rowOf(embeddings, row)
    }
  }
}

function requestOf(byId: ReadonlyMap<string, DatasetItem>, id: string): ImageRequest {
  const item = byId.get(id)
  if (!item) {
    throw new LookalikeError(
      'dataset/unknown-id',
      {
        problem: `A triple names the image ${id}, which the dataset does not have`,
        expected: "ids of the dataset's items",
      },
      { fields: { id } },
    )
  }
  return { source: item.source, box: item.box }
}

function createPairs() {
  const toCloser: number[] = []
  const toOther: number[] = []
  return {
    add(closer: number, other: number) {
      toCloser.push(closer)
      toOther.push(other)
    },
    count: () => toCloser.length,
    accuracy: () => tripletAccuracy(toCloser, toOther),
  }
}
