import { LookalikeError } from '@lookalike/core'

const LFS = 'version https://git-lfs.github.com/spec/'

/** What a file that is no ONNX model looks like from its first bytes, and what to do about it. */
const OTHERS: readonly { readonly test: (start: string) => boolean; readonly is: string; readonly fix: string }[] = [
  {
    test: (start) => /^\s*<(!doctype|html|\?xml|head)/i.test(start),
    is: 'a web page',
    fix: 'It was downloaded from a page about the model: download the file itself.',
  },
  {
    test: (start) => start.startsWith('PK\u0003\u0004'),
    is: 'a zip archive, as PyTorch saves its weights',
    fix: 'Export the model with torch.onnx.export, or unpack the archive.',
  },
  { test: (start) => start.startsWith('\u001f\u008b'), is: 'compressed with gzip', fix: 'Unpack it first.' },
  {
    test: (start) => start.startsWith('{"', 8),
    is: 'a safetensors file, which holds weights and no network',
    fix: 'Export the model as ONNX.',
  },
  { test: (start) => start.startsWith('TFL3', 4), is: 'a TensorFlow Lite model', fix: 'Convert it with tf2onnx.' },
  {
    test: (start) => start.startsWith('\u0089HDF'),
    is: 'an HDF5 file, as Keras saves its weights',
    fix: 'Convert the model with tf2onnx.',
  },
]

/** The error for bytes that are no model: what they are where that can be told. */
export function notWhole(source: string, bytes: Uint8Array | undefined, cause?: unknown): LookalikeError {
  const start = bytes ? String.fromCharCode(...bytes.subarray(0, 200)) : ''
  const size = bytes ? ` (${bytes.length} bytes)` : ''
  if (start.startsWith(LFS)) {
    return new LookalikeError(
      'onnx/git-lfs-pointer',
      {
        problem: `${source}${size} is not the model, but the pointer that git-lfs keeps in its place`,
        expected: 'the model itself',
        fix: 'Fetch it with `git lfs pull`, or download the file from the hub.',
      },
      { fields: { source, bytes: bytes?.length }, cause },
    )
  }
  const other = OTHERS.find(({ test }) => test(start))
  const found: Fault = other ?? (bytes ? faultOf(bytes, cause) : NOT_KNOWN)
  return new LookalikeError(
    'onnx/not-onnx',
    {
      problem: `${source}${size} cannot be read as an ONNX model: ${other ? 'it is ' : ''}${found.is}`,
      expected: 'the file that an exporter wrote, complete',
      fix: found.fix,
    },
    { fields: { source, bytes: bytes?.length }, cause },
  )
}

interface Fault {
  readonly is: string
  readonly fix: string
}

const NOT_KNOWN: Fault = {
  is: 'the runtime does not find the format in it',
  fix: 'Check the file with onnx.checker.check_model, or export or download it again.',
}

/** What is known of bytes that do not follow the format: a model is a row of parts, each with its length before it. */
function faultOf(bytes: Uint8Array, cause: unknown): Fault {
  const walked = walkParts(bytes)
  if ('missing' in walked) {
    return {
      is: `its part at byte ${walked.at} is ${walked.length} bytes long by what stands before it, and the file ends ${walked.missing} bytes earlier`,
      fix: 'If it is an ONNX file, its end is missing or that length is wrong: compare its size with that of the original, or export or download it again.',
    }
  }
  if ('stray' in walked) {
    return {
      is: `what stands at byte ${walked.stray} begins no part of one`,
      fix: 'If it is an ONNX file, it is not as it was written: compare its checksum with that of the original, or export or download it again.',
    }
  }
  const missing = PARTS.filter(([field]) => !walked.fields.has(field)).map(([, name]) => name)
  if (missing.length > 0) return { is: `it has no ${missing.join(' and no ')}`, fix: NOT_KNOWN.fix }
  const reason = cause instanceof Error ? ` (${cause.message})` : ''
  return {
    is: `nothing is missing at its end by its own lengths, but what lies inside breaks the format${reason}`,
    fix: 'Compare its checksum with that of the original, or export or download it again; onnx.checker.check_model may say more.',
  }
}

/** Parts that every model has: fields of `ModelProto` in onnx.proto. */
const PARTS: readonly (readonly [number, string])[] = [
  [1, 'IR version'],
  [7, 'network (graph)'],
  [8, 'opset'],
]

type Walked =
  | { readonly fields: ReadonlySet<number> }
  | { readonly at: number; readonly length: number; readonly missing: number }
  | { readonly stray: number }

/** The parts of the outermost message: protobuf's tags and lengths. */
function walkParts(bytes: Uint8Array): Walked {
  const fields = new Set<number>()
  let at = 0
  const integer = (): number | undefined => {
    let value = 0
    for (let scale = 1; at < bytes.length && scale < 2 ** 64; scale *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    return undefined
  }
  while (at < bytes.length) {
    const start = at
    const tag = integer()
    // ModelProto's fields are numbered from 1 to 26 today.
    if (tag === undefined || tag < 8 || tag >= 8 * 100) return { stray: start }
    fields.add(Math.floor(tag / 8))
    const wire = tag % 8
    const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 0 || wire === 2 ? integer() : undefined
    if (length === undefined) return { stray: start }
    if (wire !== 0) at += length
    if (at > bytes.length) return { at: start, length, missing: at - bytes.length }
  }
  return { fields }
}
