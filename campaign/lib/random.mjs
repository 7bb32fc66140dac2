import { createEmbeddings, createRandom, galleryEntries } from '@lookalike/core'

export const DIM = 16
export const SPACE = 'campaign'

/** The unit vector that belongs to an image's content. */
export function vectorOf(content) {
  const random = createRandom(content)
  const vector = Float32Array.from({ length: DIM }, () => random.normal())
  const norm = Math.hypot(...vector)
  return vector.map((value) => value / norm)
}

export function matrixOf(vectors, role = 'gallery', space = SPACE) {
  const data = new Float32Array(vectors.length * DIM)
  vectors.forEach((vector, row) => data.set(vector, row * DIM))
  return createEmbeddings({ data, rows: vectors.length, dim: DIM, space, role })
}

/** Adds images whose content is known: their vectors follow from it. */
export async function addContents(gallery, contents) {
  const ids = Object.keys(contents)
  const vectors = ids.map((id) => vectorOf(contents[id]))
  await gallery.add(
    ids.map((id) => ({
      id,
      hash: contents[id],
      metadata: { content: contents[id], even: Number(id.slice(3)) % 2 === 0 },
    })),
    { embeddings: matrixOf(vectors) },
  )
}

/** What is wrong with a gallery that should hold these contents, undefined when nothing is. */
export async function differs(gallery, contents, { tolerance = 1e-5, queries = 3 } = {}) {
  const entries = await galleryEntries(gallery)
  const wanted = Object.keys(contents)
  if (entries.length !== wanted.length) return `${entries.length} images instead of ${wanted.length}`
  for (const { id, hash } of entries) if (contents[id] !== hash) return `${id} is ${hash} instead of ${contents[id]}`
  if (entries.length === 0) return undefined
  const { data } = await gallery.vectors(entries.map(({ id }) => id))
  for (const [row, { hash }] of entries.entries())
    if (vectorOf(hash).some((value, i) => data[row * DIM + i] !== value)) return `the vector of ${hash} is another`
  for (let i = 0; i < queries; i++) {
    const query = vectorOf(`query ${i} of ${entries.length}`)
    const [hits] = await gallery.search(matrixOf([query], 'query'), 5)
    const distances = entries
      .map(({ hash }) => 1 - vectorOf(hash).reduce((sum, value, j) => sum + value * query[j], 0))
      .sort((a, b) => a - b)
      .slice(0, 5)
    if (hits.length !== distances.length) return `${hits.length} hits instead of ${distances.length}`
    const off = distances.findIndex((distance, rank) => Math.abs(distance - hits[rank].distance) > tolerance)
    if (off >= 0) return `hit ${off} at ${hits[off].distance} instead of ${distances[off]}`
  }
  return undefined
}
