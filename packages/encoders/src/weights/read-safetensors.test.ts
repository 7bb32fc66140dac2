import { float16ToFloat32, float32ToFloat16 } from '@lookalike/onnx'
import { describe, expect, it } from 'vitest'
import { bfloat16ToFloat32 } from './bfloat16.js'
import { readSafetensors } from './read-safetensors.js'

function safetensors(header: Record<string, unknown>, data: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}
const bytesOf = (...parts: ArrayBufferView[]) =>
  Buffer.concat(parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)))

describe('readSafetensors', () => {
  it('reads every float type at any offset and leaves whole numbers out', () => {
    const data = bytesOf(
      Uint16Array.from([0x3c00]),
      Float32Array.from([1.5, -2]),
      Uint16Array.from([0x3f80, 0xc040]),
      BigInt64Array.from([7n]),
      Float64Array.from([0.25]),
    )
    const weights = readSafetensors(
      safetensors(
        {
          __metadata__: { format: 'pt' },
          half: { dtype: 'F16', shape: [1], data_offsets: [0, 2] },
          single: { dtype: 'F32', shape: [2, 1], data_offsets: [2, 10] },
          brain: { dtype: 'BF16', shape: [2], data_offsets: [10, 14] },
          ids: { dtype: 'I64', shape: [1], data_offsets: [14, 22] },
          scalar: { dtype: 'F64', shape: [], data_offsets: [22, 30] },
        },
        data,
      ),
    )
    expect([...weights].map(([name, { shape, data: values }]) => [name, shape, [...values]])).toEqual([
      ['half', [1], [1]],
      ['single', [2, 1], [1.5, -2]],
      ['brain', [2], [1, -3]],
      ['scalar', [], [0.25]],
    ])
  })

  it.each([
    ['nothing', new Uint8Array(3), 'only 3 bytes'],
    ['another format', new TextEncoder().encode('PK\x03\x04 this is a zip file'), 'header is said to be'],
    [
      'a header that is no JSON',
      (() => {
        const b = safetensors({ a: 1 }, new Uint8Array())
        b[8] = 0x21
        return b
      })(),
      'not JSON',
    ],
    [
      'an entry without a shape',
      safetensors({ w: { dtype: 'F32', data_offsets: [0, 4] } }, new Uint8Array(4)),
      'entry for w',
    ],
    [
      'a shape that is not its bytes',
      safetensors({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, new Uint8Array(4)),
      '[2] but has 4 bytes',
    ],
    [
      'a file cut short',
      safetensors({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, new Uint8Array(4)),
      'ends before w',
    ],
  ])('refuses %s', (_, bytes, problem) => {
    expect(() => readSafetensors(bytes, 'model.safetensors')).toThrow(
      expect.objectContaining({
        code: 'weights/safetensors',
        message: expect.stringContaining(problem) as string,
      }),
    )
  })
})

describe('half precision', () => {
  it('keeps every half through single and back', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i).filter(
      (half) => (half & 0x7c00) !== 0x7c00 || (half & 0x3ff) === 0,
    )
    expect(float32ToFloat16(float16ToFloat32(halves))).toEqual(halves)
  })

  it('rounds to the nearest half, ties to even', () => {
    // 1 + 2^-11 lies between 1 and 1 + 2^-10; 1 + 3 * 2^-11 between odd and even.
    const values = Float32Array.from([
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      1 + 2 ** -11 + 2 ** -20,
      65_519,
      65_520,
      2 ** -25,
      3 * 2 ** -26,
      -(2 ** -24),
    ])
    expect([...float16ToFloat32(float32ToFloat16(values))]).toEqual([
      1,
      1 + 2 ** -9,
      1 + 2 ** -10,
      65_504,
      Infinity,
      0,
      2 ** -24,
      -(2 ** -24),
    ])
  })

  it('reads bfloat16', () => {
    expect([...bfloat16ToFloat32(Uint16Array.from([0x3fc0, 0xff80]))]).toEqual([1.5, -Infinity])
  })
})
