/** JSON with float arrays as base64 of little-endian float32. */
export function encode(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    entry instanceof Float32Array
      ? { float32: Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).toString('base64') }
      : entry,
  )
}

export function decode(text: string): unknown {
  return JSON.parse(text, (_key, entry: unknown) => {
    const packed = typeof entry === 'object' && entry !== null ? (entry as { float32?: unknown }).float32 : undefined
    if (typeof packed !== 'string') return entry
    return new Float32Array(Uint8Array.from(Buffer.from(packed, 'base64')).buffer)
  })
}
