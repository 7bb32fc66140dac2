import type { z } from 'zod'
import type { Example } from '../../service/create-service.js'
import { invalid } from '../problem.js'
import type * as schemas from '../schemas.js'

type ExampleInput = z.output<typeof schemas.exampleSchema>

/** A form with pictures and nothing said about them searches by all of them. */
export function withUploads(
  examples: readonly ExampleInput[],
  uploads: readonly Uint8Array[],
  others: boolean,
): readonly Example[] {
  if (examples.length === 0 && !others) return uploads.map((bytes) => ({ bytes }))
  return examples.map((example, i) => exampleOf(example, uploads, `[${i}]`))
}

export function exampleOf(
  { id, image, url, upload, box }: ExampleInput,
  uploads: readonly Uint8Array[],
  at: string,
): Example {
  if (upload === undefined) return { id, url, box, bytes: image === undefined ? undefined : decodeBase64(image, at) }
  const bytes = uploads[upload]
  if (bytes) return { bytes, box }
  throw invalid([
    { path: at, problem: `there is no upload ${upload}`, expected: `one of ${uploads.length} parts "image"` },
  ])
}

export function decodeBase64(text: string, at: string): Uint8Array {
  const data = text.replace(/^data:[\w/+.-]+;base64,/, '')
  const bytes = Buffer.from(data, 'base64')
  // Node leaves out what is none.
  if (bytes.length >= Math.floor((data.replace(/=+\s*$/, '').length * 3) / 4)) return bytes
  throw invalid([{ path: at, problem: 'the image is not base64', expected: 'the bytes of an image file in base64' }])
}
