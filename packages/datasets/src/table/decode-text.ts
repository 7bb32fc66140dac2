import { LookalikeError } from '@lookalike/core'

export interface DecodedText {
  readonly text: string
  /** What the bytes were read as, by its usual name. */
  readonly encoding: string
  /** True where nothing in the file says so: the bytes are no UTF-8, and no other sign was there. */
  readonly guessed: boolean
}

/**
 * The text of a file: as `encoding` says, else by the byte order mark, else by the bytes themselves (UTF-16 without a mark, UTF-8), else as
 * Windows-1252, which holds Latin-1.
 *
 * @throws `dataset/encoding` naming line and column, `dataset/not-text` naming what the file is
 */
export function decodeText(bytes: Uint8Array, file: string, encoding?: string): DecodedText {
  if (encoding !== undefined) return { text: decodeAs(bytes, file, encoding), encoding, guessed: false }
  const marked = byMark(bytes, file)
  if (marked) return { text: decodeAs(bytes, file, marked), encoding: marked, guessed: false }
  refuseBinary(bytes, file)
  const wide = wideOrder(bytes)
  if (wide) return { text: decodeAs(bytes, file, wide), encoding: wide, guessed: false }
  if (bytes.includes(0)) throw notText(file, 'it holds zero bytes')
  const bad = firstBadByte(bytes)
  if (bad === undefined) return { text: decodeAs(bytes, file, 'utf-8'), encoding: 'utf-8', guessed: false }
  if (bad.multibyte) {
    throw encodingError(file, bytes, bad.at, 'is no UTF-8, though other letters of the file are: it mixes encodings')
  }
  const foreign = bytes.findIndex((byte) => UNUSED.has(byte))
  if (foreign >= 0) throw encodingError(file, bytes, foreign, 'is neither UTF-8 nor Windows-1252 (Latin-1)')
  return { text: windows1252(bytes), encoding: 'windows-1252', guessed: true }
}

function byMark(bytes: Uint8Array, file: string): string | undefined {
  const [a, b, c, d] = bytes
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8'
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff)) {
    throw new LookalikeError(
      'dataset/encoding',
      { problem: `${file} is UTF-32`, expected: 'UTF-8, UTF-16 or Windows-1252', fix: 'Save it as UTF-8.' },
      { fields: { file, encoding: 'utf-32' } },
    )
  }
  if (a === 0xff && b === 0xfe) return 'utf-16le'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  return undefined
}

const SIGNATURES: readonly (readonly [string, string])[] = [
  ['PK\x03\x04', 'a zip archive, as Excel workbooks (.xlsx) are: save it as CSV'],
  ['\xd0\xcf\x11\xe0', 'an old Excel workbook (.xls): save it as CSV'],
  ['PAR1', 'a Parquet file: use the dataset parquet'],
  ['\x1f\x8b', 'compressed with gzip: unpack it first'],
  ['\x28\xb5\x2f\xfd', 'compressed with zstd: unpack it first'],
]

function refuseBinary(bytes: Uint8Array, file: string): void {
  const start = Buffer.from(bytes.subarray(0, 8)).toString('latin1')
  const found = SIGNATURES.find(([signature]) => start.startsWith(signature))
  if (found) throw notText(file, `it is ${found[1]}`)
}

/** Text in UTF-16 has a zero in nearly every other byte: the high halves of the letters, spaces and separators of Latin scripts. */
function wideOrder(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const sample = bytes.subarray(0, 4096)
  if (bytes.length % 2 === 1 || sample.length < 4) return undefined
  const zeros = [0, 0]
  sample.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2]!++
  })
  const [even, odd] = zeros as [number, number]
  const enough = sample.length / 2 / 4
  if (odd > enough && even === 0) return 'utf-16le'
  return even > enough && odd === 0 ? 'utf-16be' : undefined
}

/** The first byte that is no UTF-8, and whether letters of several bytes stand anywhere in the file. */
function firstBadByte(bytes: Uint8Array): { readonly at: number; readonly multibyte: boolean } | undefined {
  let bad: number | undefined
  let multibyte = false
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at]! < 0x80 ? 1 : sequenceLength(bytes, at)
    if (length === 0) bad ??= at
    else if (length > 1) multibyte = true
    at += length || 1
  }
  return bad === undefined ? undefined : { at: bad, multibyte }
}

/** Bytes of the UTF-8 sequence of several bytes that starts here; 0 where none does (RFC 3629). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!
  const length =
    lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0
  if (length === 0 || at + length > bytes.length) return 0
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  const second = bytes[at + 1]!
  if (second < least || second > most) return 0
  for (let next = at + 2; next < at + length; next++) if ((bytes[next]! & 0xc0) !== 0x80) return 0
  return length
}

function decodeAs(bytes: Uint8Array, file: string, encoding: string): string {
  const name = encoding.toLowerCase()
  // Browsers' and this runtime's readings of the name latin1 differ between versions.
  if (['windows-1252', 'cp1252', 'latin1', 'latin-1', 'iso-8859-1'].includes(name)) return windows1252(bytes)
  let decoder: InstanceType<typeof TextDecoder>
  try {
    decoder = new TextDecoder(name === 'utf8' ? 'utf-8' : name, { fatal: true })
  } catch (cause) {
    throw new LookalikeError(
      'dataset/encoding',
      {
        problem: `There is no encoding ${encoding}`,
        expected: 'utf-8, utf-16le, utf-16be, windows-1252, or another name of the WHATWG Encoding Standard',
      },
      { fields: { file, encoding }, cause },
    )
  }
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    const bad = decoder.encoding === 'utf-8' ? firstBadByte(bytes) : undefined
    if (bad) throw encodingError(file, bytes, bad.at, 'is no UTF-8')
    throw new LookalikeError(
      'dataset/encoding',
      { problem: `${file} is not ${encoding}`, fix: 'Set the option encoding to what the file was saved with.' },
      { fields: { file, encoding }, cause },
    )
  }
}

/** The letters of bytes 0x80 to 0x9f; those of the others have the byte's own number. */
const UPPER = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'
const UNUSED: ReadonlySet<number> = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d])

function windows1252(bytes: Uint8Array): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the bytes are what is looked for
  const letters = /[\x80-\x9f]/g
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replace(letters, (byte) => UPPER[byte.charCodeAt(0) - 0x80]!)
}

function encodingError(file: string, bytes: Uint8Array, at: number, what: string): LookalikeError {
  const before = Buffer.from(bytes.subarray(0, at)).toString('latin1')
  const line = before.split('\n').length
  const column = at - before.lastIndexOf('\n')
  const byte = `0x${bytes[at]!.toString(16).padStart(2, '0')}`
  return new LookalikeError(
    'dataset/encoding',
    {
      problem: `${file}:${line}:${column}: the byte ${byte} ${what}`,
      expected: 'one encoding in the whole file',
      fix: 'Save the file as UTF-8, or set the option encoding to what it was saved with (windows-1252, shift_jis, ...).',
    },
    { fields: { file, line, column, byte } },
  )
}

const notText = (file: string, why: string) =>
  new LookalikeError(
    'dataset/not-text',
    { problem: `${file} is not a text file: ${why}`, expected: 'text in UTF-8, UTF-16 or Windows-1252' },
    { fields: { file } },
  )
