import { checkPixels, damaged } from '../decode-errors.js'
import { DECODE_DEFAULTS } from '../decode-options.js'
import type { DecodedSource, DecodeTask } from '../decode-task.js'
import { takePixels } from '../pixel-budget.js'
import { readBmp } from './read-bmp.js'
import { readBmpHeader } from './read-bmp-header.js'

/**
 * @param decodeInside decodes the JPEG or PNG file that a BMP file may be a wrapper of
 * @throws an `Error` in a few words; `image/too-many-pixels`, `image/truncated`
 */
export async function decodeBmp(
  { content, name, options }: DecodeTask,
  decodeInside: (bytes: Uint8Array) => Promise<DecodedSource>,
): Promise<DecodedSource> {
  const header = readBmpHeader(content)
  if (header.coding === 'jpeg' || header.coding === 'png') return decodeInside(content.subarray(header.offset))
  const { width, height } = header
  checkPixels(width, height, name, options)
  const release = await takePixels(width * height, options.signal)
  try {
    const background = options.background ?? DECODE_DEFAULTS.background
    const { data, truncated } = await readBmp(content, header, background, options.signal)
    if (truncated) {
      const error = damaged(name, content, 'bmp', new Error('truncated pixels'))
      if (options.truncated === 'fail' || content.length <= header.offset) throw error
      options.onWarning?.({
        code: error.code,
        message: `${error.message} What is there was read.`,
        fields: error.fields,
      })
    }
    return { image: { data, width, height }, width, height }
  } finally {
    release()
  }
}
