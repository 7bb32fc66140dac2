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

/**
 * Opens the cache of one space, making it where there is none.
 *
 * @param folder shared by all spaces and runs
 * @throws `cache/read` when the folder cannot be read or made.
 */
export async function openEmbeddingCache(folder: string, space: string, dim: number): Promise<EmbeddingCache> {
  const home = path.join(folder, createHash('sha256').update(`${space}\n${dim}`).digest('hex').slice(0, 24))
  const recordBytes = KEY_BYTES + CHECK_BYTES + dim * 4
  const segments: number[] = []
  const places = new Map<string, { segment: number; offset: number }>()
  try {
    await mkdir(home, { recursive: true })
    await writeFile(path.join(home, 'space.json'), `${JSON.stringify({ space, dim })}\n`)
    for (const name of (await readdir(home)).filter((file) => file.endsWith('.seg')).sort())
      scanSegment(path.join(home, name))
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

  function scanSegment(file: string): void {
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

  let own: { file: FileHandle; segment: number; length: number } | undefined
  let broken: LookalikeError | undefined
  let queue: Promise<unknown> = Promise.resolve()

  async function append(keys: readonly string[], vectors: Float32Array): Promise<void> {
    if (broken) throw broken
    const fresh = keys.map((key, row) => ({ key, row })).filter(({ key }) => !places.has(key))
    if (fresh.length === 0) return
    const block = Buffer.allocUnsafe(fresh.length * recordBytes)
    for (const [i, { key, row }] of fresh.entries()) {
      const at = i * recordBytes
      block.write(key, at, 'hex')
      const vector = vectors.subarray(row * dim, (row + 1) * dim)
      for (let j = 0; j < dim; j++) block.writeFloatLE(vector[j]!, at + KEY_BYTES + CHECK_BYTES + j * 4)
      block.writeUInt32LE(checksum(block.subarray(at, at + recordBytes)), at + KEY_BYTES)
    }
    try {
      own ??= await startSegment()
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

  async function startSegment() {
    const name = path.join(home, `${Date.now().toString(36)}-${randomBytes(6).toString('hex')}.seg`)
    const file = await open(name, 'wx')
    const header = Buffer.alloc(HEADER_BYTES)
    MAGIC.copy(header)
    header.writeUInt32LE(dim, MAGIC.length)
    await file.write(header, 0, HEADER_BYTES, 0)
    return { file, segment: segments.push(openSync(name, 'r')) - 1, length: HEADER_BYTES }
  }

  return {
    get size() {
      return places.size
    },
    has: (key) => places.has(key),
    get(keys) {
      const vectors = Array.from<Float32Array | undefined>({ length: keys.length })
      const wanted = keys
        .map((key, row) => ({ row, place: places.get(key) }))
        .filter(
          (entry): entry is { row: number; place: { segment: number; offset: number } } => entry.place !== undefined,
        )
        .sort((a, b) => a.place.segment - b.place.segment || a.place.offset - b.place.offset)
      for (let start = 0; start < wanted.length; ) {
        const first = wanted[start]!.place
        // Neighbours on disk come in one read.
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
          if (checksum(record) !== record.readUInt32LE(KEY_BYTES)) {
            // Forgotten, so that a new one can be put in its place.
            places.delete(keys[row]!)
            continue
          }
          const vector = new Float32Array(dim)
          for (let j = 0; j < dim; j++) vector[j] = record.readFloatLE(KEY_BYTES + CHECK_BYTES + j * 4)
          vectors[row] = vector
        }
        start = end
      }
      return vectors
    },
    put(keys, vectors) {
      const done = queue.then(() => append(keys, vectors))
      queue = done.catch(() => undefined)
      return done
    },
    async close() {
      await queue
      await own?.file.close()
      for (const segment of segments) closeSync(segment)
      segments.length = 0
      places.clear()
    },
  }
}

function checksum(record: Buffer): number {
  return crc32(record.subarray(KEY_BYTES + CHECK_BYTES), crc32(record.subarray(0, KEY_BYTES)))
}
