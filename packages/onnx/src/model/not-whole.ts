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
  return new LookalikeError(
    'onnx/not-onnx',
    {
      problem: `${source}${size} is not a whole ONNX model${other ? `: it is ${other.is}` : ''}`,
      expected: 'the file that an exporter wrote, complete',
      fix: other?.fix ?? 'If it is an ONNX file, it was damaged or cut off: export or download it again.',
    },
    { fields: { source, ...(bytes && { bytes: bytes.length }) }, cause },
  )
}
