const encoder = new TextEncoder()
// A mark at the start is a character like others.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export const utf8Bytes = (text: string): Uint8Array => encoder.encode(text)
export const utf8Text = (bytes: Uint8Array | undefined): string => (bytes ? decoder.decode(bytes) : '')
