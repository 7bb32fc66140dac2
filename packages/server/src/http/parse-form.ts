import { Busboy } from '@fastify/busboy'
import { LookalikeError } from '@lookalike/core'

/** A part of a form: a file, or a text. */
export interface FormPart {
  readonly name: string
  readonly value: string | Uint8Array
}

/**
 * The parts of a form, in order. Any boundary that the standard allows is taken (RFC 2046), which the runtime's own reader does not: it wants
 * 27 characters or more.
 *
 * @param type the whole header `content-type`
 * @throws `serve/form`
 */
export async function parseForm(type: string, bytes: Uint8Array): Promise<readonly FormPart[]> {
  const parts: { name: string; value: string | Uint8Array[] }[] = []
  try {
    await new Promise<void>((resolve, reject) => {
      const form = new Busboy({ headers: { 'content-type': type }, limits: { fieldSize: Infinity } })
      form.on('file', (name, file) => {
        const value: Uint8Array[] = []
        parts.push({ name, value })
        file.on('data', (part: Uint8Array) => value.push(part)).on('error', reject)
      })
      form.on('field', (name, value) => parts.push({ name, value }))
      form.on('finish', resolve).on('error', reject)
      form.end(bytes)
    })
  } catch (cause) {
    throw new LookalikeError(
      'serve/form',
      { problem: 'The form cannot be read', expected: 'multipart/form-data, whole' },
      { cause },
    )
  }
  return parts.map(({ name, value }) => ({ name, value: typeof value === 'string' ? value : Buffer.concat(value) }))
}
