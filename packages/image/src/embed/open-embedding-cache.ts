import { createHash, randomBytes } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { type EmbeddingCache, LookalikeError } from '@lookalike/core'

// On disk: a folder for each space holds segments; each process appends to a segment of its own,
// so processes share a cache without locks. A record is `key (16 bytes) | crc32 of key and vector | vector (float32)`,
// little-endian, all of one length: a process that is killed leaves at most one torn record at the end of its own
// segment, which readers leave out. Records that fail their checksum count as absent.
const MAGIC = Buffer.from('LKEMB1\r\n', 'latin1')
const HEADER_BYTES = 16
const KEY_BYTES = 16
const CHECK_BYTES = 4
const READ_BYTES = 4 << 20

/** An opened folder of segments. */
interface Opened {
  readonly home: string
  readonly space: string
  readonly dim: number
  readonly recordBytes: number
  /** Descriptors to read from. */
  readonly segments: number[]
  readonly places: Map<string, Place>
}

interface Place {
  readonly segment: number
  readonly offset: number
}

/**
 * Opens the cache of one space, making it where there is none.
 *
 * @param folder shared by all spaces and runs
 * @throws `cache/read` when the folder cannot be read or made.
 */
export async function openEmbeddingCache(folder: string, space: string, dim: number): Promise<EmbeddingCache> {
  const home = path.join(folder, createHash('sha256').update(`${space}\n${dim}`).digest('hex').slice(0, 24))
  const recordBytes = KEY_BYTES + CHECK_BYTES + dim * 4
  const opened: Opened = { home, space, dim, recordBytes, segments: [], places: new Map() }
  const { segments, places } = opened
  try {
    await mkdir(home, { recursive: true })
    await writeFile(path.join(home, 'space.json'), `${JSON.stringify({ space, dim })}\n`)
    for (const name of (await readdir(home)).filter((file) => file.endsWith('.seg')).sort())
      scanSegment(opened, path.join(home, name))
  } catch (cause) {
    for (const segment of segments) closeSync(segment)
    throw new LookalikeError(
      'cache/read',
      {
        problem: `The embedding cache ${home} cannot be used: ${(cause as Error).message}`,
        fix: 'Free or repair the folder, or set "cache" to another one.',
      },
      { fields: { path: home, space }, cause },
    )
  }
  const writer = createWriter(opened)
  return {
    get size() {
      return places.size
    },
    has: (key) => places.has(key),
    get: (keys) => readVectors(opened, keys),
    put: writer.put,
    async close() {
      await writer.close()
      for (const segment of segments) closeSync(segment)
      segments.length = 0
      places.clear()
    },
  }
}

/** Remembers where the vectors of a segment are. Files that are none are left out. */
function scanSegment({ dim, recordBytes, segments, places }: Opened, file: string): void {
  const descriptor = openSync(file, 'r')
  const header = Buffer.alloc(HEADER_BYTES)
  const readable = readSync(descriptor, header, 0, HEADER_BYTES, 0) === HEADER_BYTES
  if (!readable || !header.subarray(0, MAGIC.length).equals(MAGIC) || header.readUInt32LE(MAGIC.length) !== dim) {
    closeSync(descriptor)
    return
  }
  const segment = segments.push(descriptor) - 1
  const perRead = Math.max(1, Math.floor(READ_BYTES / recordBytes))
  const chunk = Buffer.allocUnsafe(perRead * recordBytes)
  for (let offset = HEADER_BYTES; ; ) {
    const whole = Math.floor(readSync(descriptor, chunk, 0, chunk.length, offset) / recordBytes)
    for (let i = 0; i < whole; i++) {
      places.set(chunk.toString('hex', i * recordBytes, i * recordBytes + KEY_BYTES), {
        segment,
        offset: offset + i * recordBytes,
      })
    }
    if (whole < perRead) return
    offset += whole * recordBytes
  }
}

/** Appends to a segment of its own, which is made when it is first needed. */
function createWriter(opened: Opened) {
  const { home, space, recordBytes, places } = opened
  let own: { file: FileHandle; segment: number; length: number } | undefined
  let broken: LookalikeError | undefined
  let queue: Promise<unknown> = Promise.resolve()

  async function append(keys: readonly string[], vectors: Float32Array): Promise<void> {
    if (broken) throw broken
    const fresh = keys.map((key, row) => ({ key, row })).filter(({ key }) => !places.has(key))
    if (fresh.length === 0) return
    const block = recordsOf(opened, fresh, vectors)
    try {
      own ??= await startSegment(opened)
      let written = 0
      while (written < block.length)
        written += (await own.file.write(block, written, block.length - written, own.length + written)).bytesWritten
    } catch (cause) {
      broken = new LookalikeError(
        'cache/write',
        {
          problem: `The embedding cache ${home} cannot be written: ${(cause as Error).message}`,
          fix: 'Free some disk space, or set "cache" to another folder.',
        },
        { fields: { path: home, space }, cause },
      )
      throw broken
    }
    for (const [i, { key }] of fresh.entries())
      places.set(key, { segment: own.segment, offset: own.length + i * recordBytes })
    own.length += block.length
  }

  return {
    put(keys: readonly string[], vectors: Float32Array) {
      const done = queue.then(() => append(keys, vectors))
      queue = done.catch(() => undefined)
      return done
    },
    async close() {
      await queue
      await own?.file.close()
    },
  }
}

function recordsOf(
  { dim, recordBytes }: Opened,
  fresh: readonly { readonly key: string; readonly row: number }[],
  vectors: Float32Array,
): Buffer {
  const block = Buffer.allocUnsafe(fresh.length * recordBytes)
  for (const [i, { key, row }] of fresh.entries()) {
    const at = i * recordBytes
    block.write(key, at, 'hex')
    const vector = vectors.subarray(row * dim, (row + 1) * dim)
    for (let j = 0; j < dim; j++) block.writeFloatLE(vector[j]!, at + KEY_BYTES + CHECK_BYTES + j * 4)
    block.writeUInt32LE(checksum(block.subarray(at, at + recordBytes)), at + KEY_BYTES)
  }
  return block
}

async function startSegment({ home, dim, segments }: Opened) {
  const name = path.join(home, `${Date.now().toString(36)}-${randomBytes(6).toString('hex')}.seg`)
  const file = await open(name, 'wx')
  const header = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(header)
  header.writeUInt32LE(dim, MAGIC.length)
  await file.write(header, 0, HEADER_BYTES, 0)
  return { file, segment: segments.push(openSync(name, 'r')) - 1, length: HEADER_BYTES }
}

/** Neighbours on disk come in one read. */
function readVectors(
  { dim, recordBytes, segments, places }: Opened,
  keys: readonly string[],
): (Float32Array | undefined)[] {
  const vectors = Array.from<Float32Array | undefined>({ length: keys.length })
  const wanted = keys
    .map((key, row) => ({ row, place: places.get(key) }))
    .filter((entry): entry is { row: number; place: Place } => entry.place !== undefined)
    .sort((a, b) => a.place.segment - b.place.segment || a.place.offset - b.place.offset)
  for (let start = 0; start < wanted.length; ) {
    const first = wanted[start]!.place
    let end = start + 1
    const limit = first.offset + Math.max(READ_BYTES, recordBytes)
    while (
      end < wanted.length &&
      wanted[end]!.place.segment === first.segment &&
      wanted[end]!.place.offset + recordBytes <= limit
    )
      end++
    const block = Buffer.allocUnsafe(wanted[end - 1]!.place.offset + recordBytes - first.offset)
    const read = readSync(segments[first.segment]!, block, 0, block.length, first.offset)
    for (const { row, place } of wanted.slice(start, end)) {
      const at = place.offset - first.offset
      if (at + recordBytes > read) continue
      const record = block.subarray(at, at + recordBytes)
      vectors[row] = vectorOf(record, dim)
      // Forgotten, so that a new one can be put in its place.
      if (!vectors[row]) places.delete(keys[row]!)
    }
    start = end
  }
  return vectors
}

/** Undefined for a record that is not as it was written. */
function vectorOf(record: Buffer, dim: number): Float32Array | undefined {
  if (checksum(record) !== record.readUInt32LE(KEY_BYTES)) return undefined
  const vector = new Float32Array(dim)
  for (let j = 0; j < dim; j++) vector[j] = record.readFloatLE(KEY_BYTES + CHECK_BYTES + j * 4)
  return vector
}

function checksum(record: Buffer): number {
  return crc32(record.subarray(KEY_BYTES + CHECK_BYTES), crc32(record.subarray(0, KEY_BYTES)))
}
