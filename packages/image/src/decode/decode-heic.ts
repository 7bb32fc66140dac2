import { resolvePackage } from './child/decoder-process.js'
import { openInChild } from './child/open-in-child.js'
import { checkPixels, heicUnsupported } from './decode-errors.js'
import { DECODE_DEFAULTS } from './decode-options.js'
import { type DecodedSource, type DecodeTask, maxMemoryOf } from './decode-task.js'
import { toRgb } from './flatten.js'
import { takePixels } from './pixel-budget.js'
import type { TimeLimit } from './time-limit.js'

/** Whether HEIC images can be read: the optional package `heic-decode` is installed. */
export const readsHeic = (): boolean => (installed ??= resolvePackage('heic-decode') !== undefined)
let installed: boolean | undefined

/** @throws `image/unsupported` where `heic-decode` is not installed, `image/too-many-pixels`, the decoder's own `Error` */
export async function decodeHeic(task: DecodeTask, time: TimeLimit): Promise<DecodedSource> {
  const { content, name, options } = task
  if (!readsHeic()) throw heicUnsupported(name)
  const opened = await openInChild(content, maxMemoryOf(task), options.signal)
  try {
    // The decoder of other formats knows the container, and so the size, without knowing the codec.
    const header = await time.run(() => opened.header({ limitInputPixels: false }), opened)
    checkPixels(header.width, header.height, name, options)
    const release = await takePixels(header.width * header.height, options.signal)
    try {
      const { data, width, height, channels } = await time.run(() => opened.heic(), opened)
      const background = options.background ?? DECODE_DEFAULTS.background
      return { image: { data: toRgb(data, channels, background), width, height }, width, height }
    } finally {
      release()
    }
  } finally {
    opened.close()
  }
}
