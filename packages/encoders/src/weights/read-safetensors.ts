import { LookalikeError } from '@lookalike/core'
import { float16ToFloat32 } from '@lookalike/onnx'
import { bfloat16ToFloat32 } from './bfloat16.js'
import type { Weight, Weights } from './weights.js'

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const

/**
 * Reads a safetensors file: eight bytes of header length, a JSON header, the tensors' bytes
 * (https://github.com/huggingface/safetensors#format). Every floating-point tensor comes back as float32; tensors of whole numbers
 * (position ids and the like) are left out, as they are never weights.
 *
 * @param name The file's name, for errors.
 * @throws `weights/safetensors` when the bytes are no such file, are cut short, or a tensor's shape and bytes disagree.
 */
export function readSafetensors(bytes: Uint8Array, name = 'the safetensors file'): Weights {
  const fail = (problem: string, cause?: unknown): never => {
    throw new LookalikeError(
      'weights/safetensors',
      {
        problem: `${name}: ${problem}`,
        expected: 'a complete safetensors file',
        fix: 'Download or export the file again.',
      },
      { fields: { name }, cause },
    )
  }
  if (bytes.byteLength < 8) fail(`the file has only ${bytes.byteLength} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = Number(view.getBigUint64(0, true))
  if (headerLength > bytes.byteLength - 8) {
    fail(`the header is said to be ${headerLength} bytes long, the whole file has ${bytes.byteLength}`)
  }
  const start = 8 + headerLength
  const weights = new Map<string, Weight>()
  for (const [tensor, entry] of Object.entries(parseHeader(bytes.subarray(8, start), fail))) {
    if (tensor === '__metadata__') continue
    if (!isEntry(entry)) fail(`the header's entry for ${tensor} is incomplete`)
    const {
      dtype,
      shape,
      data_offsets: [from, to],
    } = entry as Entry
    const size = BYTES[dtype as keyof typeof BYTES]
    if (size === undefined) continue
    const count = shape.reduce((product, n) => product * n, 1)
    if (to - from !== count * size)
      fail(`${tensor} is ${dtype} of shape [${shape.join(', ')}] but has ${to - from} bytes`)
    if (from < 0 || start + to > bytes.byteLength) fail(`the file ends before ${tensor} does`)
    weights.set(tensor, {
      shape,
      data: decode(Uint8Array.from(bytes.subarray(start + from, start + to)), dtype as keyof typeof BYTES),
    })
  }
  return weights
}

function parseHeader(bytes: Uint8Array, fail: (problem: string, cause?: unknown) => never): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    fail('the header is not JSON', cause)
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) fail('the header is not a JSON object')
  return header as Record<string, unknown>
}

function isEntry(entry: unknown): entry is Entry {
  if (typeof entry !== 'object' || entry === null) return false
  const { dtype, shape, data_offsets: offsets } = entry as Partial<Entry>
  const whole = (list: unknown) => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0)
  return typeof dtype === 'string' && whole(shape) && whole(offsets) && offsets?.length === 2
}

/** `bytes` is a copy, so that it starts at an aligned address. */
function decode(bytes: Uint8Array, dtype: keyof typeof BYTES): Float32Array {
  const { buffer } = bytes
  if (dtype === 'F32') return new Float32Array(buffer as ArrayBuffer)
  if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer as ArrayBuffer))
  const words = new Uint16Array(buffer as ArrayBuffer)
  return dtype === 'F16' ? float16ToFloat32(words) : bfloat16ToFloat32(words)
}
