import { open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { crc32 } from 'node:zlib'
import { type Checkpoint, LookalikeError } from '@lookalike/core'
import { unfinishedName } from '@lookalike/image'
import { writeFailed } from './write-failed.js'

/*
 * magic (8 bytes) | length of the header (uint32, little-endian) | crc32 of that length and of everything behind (uint32) | header, JSON | arrays, little-endian
 */
const MAGIC = Buffer.from('LKCKPT2\n', 'latin1')
const PREFIX = MAGIC.length + 8

interface Header {
  readonly facts: Readonly<Record<string, unknown>>
  readonly arrays: readonly {
    readonly group: string
    readonly name: string
    readonly type: 'float32' | 'int32'
    readonly length: number
  }[]
}

/**
 * Writes a checkpoint whole or not at all: beside the old one first, flushed to the disk, then in its place.
 *
 * @throws `train/write` when the disk is full or the folder may not be written to; an older checkpoint stays as it was.
 */
export async function writeCheckpoint(file: string, { facts, arrays }: Checkpoint): Promise<void> {
  const entries = Object.entries(arrays).flatMap(([group, members]) =>
    Object.entries(members).map(([name, data]) => ({ group, name, data })),
  )
  const header: Header = {
    facts,
    arrays: entries.map(({ group, name, data }) => ({
      group,
      name,
      type: data instanceof Int32Array ? 'int32' : 'float32',
      length: data.length,
    })),
  }
  const text = Buffer.from(JSON.stringify(header))
  const parts = [
    text,
    ...entries
      .map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))
      .filter(({ length }) => length > 0),
  ]
  const prefix = Buffer.alloc(PREFIX)
  MAGIC.copy(prefix)
  prefix.writeUInt32LE(text.length, MAGIC.length)
  prefix.writeUInt32LE(
    parts.reduce((sum, part) => crc32(part, sum), crc32(prefix.subarray(MAGIC.length, MAGIC.length + 4))),
    MAGIC.length + 4,
  )
  const unfinished = unfinishedName(file)
  try {
    const handle = await open(unfinished, 'w')
    try {
      for (const part of [prefix, ...parts]) await handle.writeFile(part)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(unfinished, file)
    await syncFolder(path.dirname(file))
  } catch (cause) {
    await rm(unfinished, { force: true })
    throw writeFailed(file, cause)
  }
}

/** Undefined where there is none. @throws `train/checkpoint-damaged` */
export async function readCheckpoint(file: string): Promise<Checkpoint | undefined> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw damaged(file, (cause as Error).message, cause)
  }
  if (bytes.length < PREFIX || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw damaged(file, 'it is no checkpoint')
  const headerLength = bytes.readUInt32LE(MAGIC.length)
  const sum = crc32(bytes.subarray(PREFIX), crc32(bytes.subarray(MAGIC.length, MAGIC.length + 4)))
  if (sum !== bytes.readUInt32LE(MAGIC.length + 4)) throw damaged(file, 'its checksum does not fit')
  const header = JSON.parse(bytes.toString('utf8', PREFIX, PREFIX + headerLength)) as Header
  const arrays: Record<string, Record<string, Float32Array | Int32Array>> = {}
  let offset = PREFIX + headerLength
  for (const { group, name, type, length } of header.arrays) {
    // A copy, because a view must start at a multiple of four.
    const content = Uint8Array.from(bytes.subarray(offset, offset + length * 4)).buffer
    ;(arrays[group] ??= {})[name] = type === 'int32' ? new Int32Array(content) : new Float32Array(content)
    offset += length * 4
  }
  return { facts: header.facts, arrays }
}

/** The new name survives a power cut only when the folder is flushed too; Windows has no such thing. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function damaged(file: string, problem: string, cause?: unknown): LookalikeError {
  return new LookalikeError(
    'train/checkpoint-damaged',
    {
      problem: `The checkpoint ${file} cannot be used: ${problem}`,
      fix: 'Start the run anew with --overwrite, or put a good copy in its place.',
    },
    { fields: { path: file }, cause },
  )
}
