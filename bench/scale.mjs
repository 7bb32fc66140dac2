/**
 * Bytes and money for a million to a thousand million images in each kind of store: `node bench/scale.mjs [--dim 384] [--tokens 49] [--json]`.
 *
 * The layouts are computed from what each store writes for an image. What is measured here is marked so; everything else is assumed, stands in
 * `ASSUMED`, and can be set: `--set memory=3.5 --set imagesPerSecond=200`.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createEmbeddings, createRandom } from '@lookalike/core'
import { openGallery } from '@lookalike/gallery'

const { values } = parseArgs({
  options: {
    dim: { type: 'string', default: '384' },
    tokens: { type: 'string', default: '49' },
    set: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
})
const dim = Number(values.dim)
const tokens = Number(values.tokens)
const SIZES = [1e6, 1e7, 1e8, 1e9]

/** Orders of magnitude of list prices and of published layouts; put in your own. */
const ASSUMED = {
  /** Dollars a month. */
  memory: 4,
  ssd: 0.1,
  object: 0.023,
  cpu: 25,
  /** Neighbours of a node on the ground level of an HNSW graph, and bytes of each: 2 M of 4. */
  graphBytes: 2 * 16 * 4,
  /** Of a row of PostgreSQL besides its values, and of a page that is not full. */
  rowBytes: 40,
  pageFill: 0.9,
  /** Bytes of an entry in a payload store: id, hash, source, two short fields. */
  entryBytes: 220,
  /** Images that one processor core encodes a second. */
  imagesPerSecond: 15,
  /** Bits a dimension of a token code of a reranker, and its dimensions. */
  tokenBits: 2,
  tokenDims: 128,
}
for (const each of values.set) {
  const [key, value] = each.split('=')
  if (!Object.hasOwn(ASSUMED, key)) throw new Error(`There is no constant ${key}: ${Object.keys(ASSUMED).join(', ')}`)
  ASSUMED[key] = Number(value)
}

/** What the folder gallery writes for an image, and holds for it in this process: measured. */
async function measureFolder(images = 20_000) {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-scale-'))
  try {
    const random = createRandom('scale')
    const gallery = await openGallery(folder, { space: 's', dim })
    global.gc?.()
    for (let start = 0; start < images; start += 1000) {
      const items = Array.from({ length: 1000 }, (_, i) => ({
        id: `photos/class-${i % 50}/${start + i}.jpg`,
        hash: String(start + i).padStart(64, '0'),
        source: `../photos/class-${i % 50}/${start + i}.jpg`,
        metadata: { label: `class-${i % 50}` },
      }))
      const data = Float32Array.from({ length: 1000 * dim }, () => random.next())
      await gallery.add(items, { embeddings: createEmbeddings({ data, rows: 1000, dim, space: 's', role: 'gallery' }) })
    }
    await gallery.close()
    let bytes = 0
    for (const name of await readdir(folder)) bytes += (await stat(path.join(folder, name))).size
    return bytes / images
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const { memory, ssd, object, cpu, graphBytes, rowBytes, pageFill, entryBytes, tokenBits, tokenDims } = ASSUMED
const folderDisk = await measureFolder()
const folderEntry = folderDisk - dim * 4

/** Bytes an image: in memory for searching, on disk, and in object storage. */
const STORES = [
  { name: 'folder, exact', memory: dim * 4 + folderEntry, disk: folderDisk, object: 0 },
  {
    name: 'folder, usearch f16',
    memory: dim * 2 + graphBytes + folderEntry,
    disk: folderDisk + dim * 2 + graphBytes,
    object: 0,
  },
  {
    name: 'postgres, halfvec HNSW',
    memory: (dim * 2 + graphBytes) / pageFill,
    disk: (dim * 4 + entryBytes + rowBytes + dim * 2 + graphBytes) / pageFill,
    object: 0,
  },
  {
    name: 'qdrant, int8 in memory',
    memory: dim + graphBytes,
    disk: dim * 4 + dim + graphBytes + entryBytes,
    object: 0,
  },
  { name: 'lancedb, IVF in objects', memory: dim * 4 * 0.3, disk: 0, object: dim * 4 * 2 + entryBytes },
]

const round = (value) => (value >= 100 ? Math.round(value) : Number(value.toPrecision(2)))
/** Images that a folder holds. */
const FOLDER_LIMIT = 2 ** 24
const rows = STORES.flatMap((store) =>
  SIZES.filter((images) => !store.name.startsWith('folder') || images <= FOLDER_LIMIT).map((images) => {
    const gigabytes = (bytes) => (bytes * images) / 1e9
    const [ram, disk, objects] = [store.memory, store.disk, store.object].map(gigabytes)
    const dollars = ram * memory + disk * ssd + objects * object
    return {
      store: store.name,
      images,
      memoryGB: round(ram),
      diskGB: round(disk),
      objectGB: round(objects),
      dollarsAMonth: round(dollars),
    }
  }),
)
const codeBytes = (tokens * tokenDims * tokenBits) / 8
const others = SIZES.map((images) => ({
  images,
  codesGB: round((codeBytes * images) / 1e9),
  coreHours: round(images / ASSUMED.imagesPerSecond / 3600),
  encodingDollars: round(((images / ASSUMED.imagesPerSecond / 3600) * cpu) / 730),
}))

if (values.json) console.log(JSON.stringify({ dim, tokens, folderDisk, ASSUMED, rows, others }))
else {
  console.log(`Measured: the folder gallery writes ${Math.round(folderDisk)} bytes an image of ${dim} dimensions.\n`)
  console.log(
    '| store | images | memory GB | disk GB | objects GB | $ a month |\n| --- | --- | --- | --- | --- | --- |',
  )
  for (const row of rows)
    console.log(
      `| ${Object.values(row)
        .map((value) => (typeof value === 'number' ? value.toLocaleString('en') : value))
        .join(' | ')} |`,
    )
  console.log('\n| images | token codes GB | core hours to encode | $ to encode |\n| --- | --- | --- | --- |')
  for (const row of others)
    console.log(
      `| ${Object.values(row)
        .map((value) => value.toLocaleString('en'))
        .join(' | ')} |`,
    )
}
