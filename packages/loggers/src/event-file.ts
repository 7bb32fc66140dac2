/**
 * TensorBoard's event files: TFRecords (length, masked CRC-32C of it, data, masked CRC-32C of it) of Event messages of protocol buffers.
 * https://www.tensorflow.org/tutorials/load_data/tfrecord and tensorflow/core/util/event.proto
 */

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value
})

/** Castagnoli's CRC. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255]!
  return (crc ^ 0xffffffff) >>> 0
}

const masked = (bytes: Uint8Array) => {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** @param data one message */
export function tfRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(16 + data.length)
  record.writeBigUInt64LE(BigInt(data.length), 0)
  record.writeUInt32LE(masked(record.subarray(0, 8)), 8)
  record.set(data, 12)
  record.writeUInt32LE(masked(data), 12 + data.length)
  return record
}

export interface TensorboardEvent {
  /** Seconds since 1970. */
  readonly time: number
  readonly step?: number | undefined
  /** Of the first event of a file. */
  readonly fileVersion?: string | undefined
  readonly figures?: Readonly<Record<string, number>> | undefined
  /** What was written of this step and later ones does not count any more. */
  readonly restart?: boolean | undefined
}

/** An Event message: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7. */
export function encodeEvent({ time, step, fileVersion, figures, restart }: TensorboardEvent): Buffer {
  return Buffer.concat([
    double(1, time),
    ...(step === undefined ? [] : [Buffer.concat([key(2, 0), varint(step)])]),
    ...(fileVersion === undefined ? [] : [bytes(3, Buffer.from(fileVersion))]),
    ...(figures
      ? [bytes(5, Buffer.concat(Object.entries(figures).map(([tag, value]) => bytes(1, summaryOf(tag, value)))))]
      : []),
    // SessionLog with the status START.
    ...(restart ? [bytes(7, Buffer.concat([key(1, 0), varint(1)]))] : []),
  ])
}

/** Summary.Value: tag = 1, simple_value = 2. */
function summaryOf(tag: string, value: number): Buffer {
  const number = Buffer.alloc(4)
  number.writeFloatLE(value)
  return Buffer.concat([bytes(1, Buffer.from(tag)), key(2, 5), number])
}

const key = (field: number, type: number) => varint(field * 8 + type)

function varint(value: number): Buffer {
  const parts: number[] = []
  let rest = BigInt(value)
  while (rest > 127n) {
    parts.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return Buffer.from([...parts, Number(rest)])
}

const bytes = (field: number, content: Buffer) => Buffer.concat([key(field, 2), varint(content.length), content])

function double(field: number, value: number): Buffer {
  const number = Buffer.alloc(8)
  number.writeDoubleLE(value)
  return Buffer.concat([key(field, 1), number])
}
