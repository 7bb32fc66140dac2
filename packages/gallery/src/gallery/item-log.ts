import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { LookalikeError } from '@lookalike/core'
import type { GalleryChange, GalleryItem } from './gallery.js'

/** What the log of a gallery says, in the order in which it happened. */
export type LogRecord =
  | ({
      readonly op: 'add'
      readonly row: number
      /** CRC-32 of the row's bytes in each file of vectors: the searched ones, then the members in their order. */
      readonly checks: readonly number[]
    } & GalleryItem)
  | ({ readonly op: 'update' } & GalleryChange)
  | { readonly op: 'remove'; readonly id: string }

const NEWLINE = 10
const CHECK_LENGTH = 8
const READ_BYTES = 1 << 24

/** A line: CRC-32 of the JSON in hex, a space, the JSON. */
export function encodeRecord(record: LogRecord): string {
  const json = JSON.stringify(record)
  return `${checksum(Buffer.from(json))} ${json}\n`
}

const checksum = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(CHECK_LENGTH, '0')

/**
 * Reads a log. A write that was cut off leaves a beginning of a line, or holes that were never filled, at the very end:
 * that was never acknowledged and is left out. Anything else that does not fit is damage.
 *
 * @returns the number of bytes that count, and of those behind them
 * @throws `gallery/damaged` naming the file and the line.
 */
export function readLog(
  file: string,
  onRecord: (record: LogRecord, line: number) => void,
): { bytes: number; torn: number } {
  const descriptor = openSync(file, 'r')
  try {
    const { size } = fstatSync(descriptor)
    let good = 0
    let line = 0
    let bad: { line: number; hole: boolean; offset: number } | undefined
    let carried = Buffer.alloc(0)
    for (let offset = 0; offset < size; ) {
      const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, size - offset))
      const read = readSync(descriptor, chunk, 0, chunk.length, offset)
      if (read === 0) break
      const base = offset - carried.length
      const bytes = carried.length === 0 ? chunk.subarray(0, read) : Buffer.concat([carried, chunk.subarray(0, read)])
      offset += read
      let start = 0
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        line++
        const text = bytes.subarray(start, end)
        const record = decode(text)
        if (record && bad) throw damaged(file, bad.line, bad.offset)
        if (record) {
          onRecord(record, line)
          good = base + end + 1
        } else bad ??= { line, hole: text.includes(0), offset: base + start }
        start = end + 1
      }
      carried = bytes.subarray(start)
    }
    if (bad && !bad.hole) throw damaged(file, bad.line, bad.offset)
    return { bytes: good, torn: size - good }
  } finally {
    closeSync(descriptor)
  }
}

function decode(line: Buffer): LogRecord | undefined {
  const json = line.subarray(CHECK_LENGTH + 1)
  if (line.toString('latin1', 0, CHECK_LENGTH + 1) !== `${checksum(json)} `) return undefined
  return JSON.parse(json.toString('utf8')) as LogRecord
}

function damaged(file: string, line: number, offset: number): LookalikeError {
  return new LookalikeError(
    'gallery/damaged',
    {
      problem: `${file} is damaged at line ${line} (byte ${offset})`,
      expected: 'the line as it was written: its checksum does not fit',
      fix: 'Put the file back from a copy, or index the images again into a new folder.',
    },
    { fields: { path: file, line, offset } },
  )
}
