import { readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { GalleryChange, GalleryItem } from '@lookalike/core'
import { z } from 'zod'
import { type LogEnd, NOTE_BYTES } from './end-note.js'
import { damaged } from './file-errors.js'
import { FORMAT_VERSION, identitySchema, inOrder, type Manifest } from './manifest.js'

/** What happened to one image. */
export type LogRecord =
  | ({
      readonly op: 'add'
      readonly row: number
      /** CRC-32 of the row's bytes in each file of vectors: the searched ones, then the members in their order. */
      readonly checks: readonly number[]
    } & GalleryItem)
  | ({ readonly op: 'update' } & GalleryChange)
  | { readonly op: 'remove'; readonly id: string }
  | RootRecord

/** The folder that ids of image files start at, relative to the gallery, with forward slashes. */
export interface RootRecord {
  readonly op: 'root'
  readonly root: string
}

/** Behind the two lines of the note of its end. */
export const LOG_START: LogEnd = { bytes: NOTE_BYTES, lines: 2, chain: 0 }

const NEWLINE = 10
const CHECK_LENGTH = 8
const READ_BYTES = 1 << 22
/** Records of a line. */
const LINE_RECORDS = 512

const headerSchema = z.strictObject({
  format: z.literal('lookalike-gallery-log'),
  version: z.literal(FORMAT_VERSION),
  ...identitySchema.shape,
  /** Until a change says another. */
  root: z.string(),
})

/** What a log begins with. */
export interface LogHeader {
  readonly manifest: Manifest
  readonly root: string
}

/** A line of a log: CRC-32 of the JSON of all lines up to this one, in hex; a space; the JSON. */
function encodeLine(value: unknown, { bytes, lines, chain }: LogEnd): { text: string; end: LogEnd } {
  const json = JSON.stringify(value)
  const next = crc32(json, chain)
  const text = `${next.toString(16).padStart(CHECK_LENGTH, '0')} ${json}\n`
  return { text, end: { bytes: bytes + Buffer.byteLength(text), lines: lines + 1, chain: next } }
}

export function encodeHeader({ manifest, root }: LogHeader): { text: string; end: LogEnd } {
  return encodeLine({ format: 'lookalike-gallery-log', version: FORMAT_VERSION, ...inOrder(manifest), root }, LOG_START)
}

/** A change as lines; all but the last say that more of it follows. */
export function encodeChange(records: readonly LogRecord[], from: LogEnd): { text: string; end: LogEnd } {
  const lines: string[] = []
  let end = from
  for (let start = 0; start < records.length; start += LINE_RECORDS) {
    const part = records.slice(start, start + LINE_RECORDS)
    const more = start + LINE_RECORDS < records.length
    const line = encodeLine(more ? { more, records: part } : { records: part }, end)
    lines.push(line.text)
    end = line.end
  }
  return { text: lines.join(''), end }
}

export interface ReadLog {
  /** Behind the last complete change. */
  readonly end: LogEnd
  /** Bytes behind it that are no complete change. */
  readonly torn: number
}

interface LogReading {
  readonly file: string
  readonly descriptor: number
  readonly size: number
  /** Where to begin; a log is read from its start, or on from where it once ended. */
  readonly from: LogEnd
  /** Everything up to this byte was acknowledged: what does not fit there is damage, not a write that was cut off. */
  readonly acknowledged: number
  onHeader(header: LogHeader): void
  /** A whole change. */
  onChange(records: readonly LogRecord[], line: number): void
}

/**
 * Reads a log. A write that was cut off leaves the beginning of a change, or holes that were never filled, at the very end: that was
 * never acknowledged and is left out. Anything else that does not fit is damage.
 *
 * @throws `gallery/damaged` naming the file and the line.
 */
export function readLog(reading: LogReading): ReadLog {
  const { file, size, from, onHeader, onChange } = reading
  let end = from
  let at = from
  let pending: LogRecord[] = []
  for (const line of linesOf(reading)) {
    const decoded = line.whole ? decode(line.bytes, at.chain) : undefined
    if (!decoded) {
      if (isDamage(line, at.bytes, reading)) throw damagedLine(file, at)
      break
    }
    at = { bytes: at.bytes + line.bytes.length + 1, lines: at.lines + 1, chain: decoded.chain }
    if (at.lines === LOG_START.lines + 1) {
      onHeader(headerOf(decoded.value, file))
      end = at
      continue
    }
    const { more = false, records } = decoded.value as { more?: boolean | undefined; records: LogRecord[] }
    pending = pending.length === 0 ? records : pending.concat(records)
    if (more) continue
    onChange(pending, at.lines)
    pending = []
    end = at
  }
  return { end, torn: size - end.bytes }
}

/** A line that does not fit and is not what is left of a write that was cut off, or of a log that was. */
function isDamage(line: Line, at: number, { acknowledged, size }: LogReading): boolean {
  if (at < acknowledged) return line.whole || acknowledged <= size
  return line.whole && !line.bytes.includes(0)
}

/** The first line alone, undefined where there is none that fits. */
export function readHeader(descriptor: number, size: number): LogHeader | undefined {
  const reading = { descriptor, size, from: LOG_START }
  for (const { bytes, whole } of linesOf(reading)) {
    const decoded = whole ? decode(bytes, 0) : undefined
    const parsed = headerSchema.safeParse(decoded?.value)
    return parsed.success ? { manifest: inOrder(parsed.data), root: parsed.data.root } : undefined
  }
  return undefined
}

function headerOf(value: unknown, file: string): LogHeader {
  const parsed = headerSchema.safeParse(value)
  if (parsed.success) return { manifest: inOrder(parsed.data), root: parsed.data.root }
  throw damaged(file, 'does not begin with the header of a log', { line: LOG_START.lines + 1 }, { cause: parsed.error })
}

interface Line {
  /** Without its newline. */
  readonly bytes: Buffer
  readonly whole: boolean
}

function* linesOf({ descriptor, size, from }: Pick<LogReading, 'descriptor' | 'size' | 'from'>): Generator<Line> {
  let carried: Buffer[] = []
  for (let offset = from.bytes; offset < size; ) {
    const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, size - offset))
    const read = readSync(descriptor, chunk, 0, chunk.length, offset)
    if (read === 0) break
    offset += read
    const bytes = chunk.subarray(0, read)
    let start = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      yield { bytes: Buffer.concat([...carried, bytes.subarray(start, end)]), whole: true }
      carried = []
      start = end + 1
    }
    if (start < read) carried.push(bytes.subarray(start))
  }
  if (carried.length > 0) yield { bytes: Buffer.concat(carried), whole: false }
}

function decode(line: Buffer, before: number): { value: unknown; chain: number } | undefined {
  const json = line.subarray(CHECK_LENGTH + 1)
  const chain = crc32(json, before)
  if (line.toString('latin1', 0, CHECK_LENGTH + 1) !== `${chain.toString(16).padStart(CHECK_LENGTH, '0')} `)
    return undefined
  try {
    return { value: JSON.parse(json.toString('utf8')), chain }
  } catch {
    return undefined
  }
}

const damagedLine = (file: string, { lines, bytes }: LogEnd) =>
  damaged(
    file,
    `is damaged at line ${lines + 1} (byte ${bytes})`,
    { line: lines + 1, offset: bytes },
    { expected: 'the line as it was written: its checksum does not fit' },
  )
