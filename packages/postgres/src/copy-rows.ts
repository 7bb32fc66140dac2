/** A value of a row in PostgreSQL's binary format; undefined is NULL. */
export type Field = Uint8Array | undefined

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')

export const textField = (text: string | undefined): Field => (text === undefined ? undefined : Buffer.from(text))

/** jsonb: a version before the text. */
export const jsonField = (value: unknown): Field =>
  value === undefined ? undefined : Buffer.concat([Buffer.of(1), Buffer.from(JSON.stringify(value))])

export const booleanField = (value: boolean): Field => Buffer.of(value ? 1 : 0)

export function doubleField(value: number | undefined): Field {
  if (value === undefined) return undefined
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes
}

/** pgvector's `vector`: the length, two bytes unused, the values as float32; the most significant byte first. */
export function vectorField(vector: Float32Array): Field {
  const bytes = Buffer.alloc(4 + vector.length * 4)
  bytes.writeInt16BE(vector.length, 0)
  for (let i = 0; i < vector.length; i++) bytes.writeFloatBE(vector[i]!, 4 + i * 4)
  return bytes
}

/** What `vector_send` gives, into `target`. */
export function readVector(bytes: Uint8Array, target: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let i = 0; i < target.length; i++) target[i] = view.getFloat32(4 + i * 4)
}

/** Rows as `COPY ... WITH (FORMAT binary)` reads them (PostgreSQL manual, COPY, "Binary Format"). */
export function copyRows(rows: Iterable<readonly Field[]>): Uint8Array {
  const parts: Uint8Array[] = [SIGNATURE, Buffer.alloc(8)]
  for (const fields of rows) {
    const count = Buffer.alloc(2)
    count.writeInt16BE(fields.length)
    parts.push(count)
    for (const field of fields) {
      const length = Buffer.alloc(4)
      length.writeInt32BE(field?.length ?? -1)
      parts.push(length)
      if (field) parts.push(field)
    }
  }
  parts.push(Buffer.of(0xff, 0xff))
  return Buffer.concat(parts)
}
