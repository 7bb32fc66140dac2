import { isOpaque } from '../flatten.js'

/** The parts of a browser's global that are needed here; Node's types leave them out. */
interface Browser {
  createImageBitmap(image: Blob, options: Readonly<Record<string, string>>): Promise<Bitmap>
  readonly OffscreenCanvas: new (width: number, height: number) => Canvas
}

/** What a browser calls an ImageBitmap: a decoded picture, upright. */
export interface Bitmap {
  readonly width: number
  readonly height: number
  close(): void
}

interface Canvas {
  getContext(kind: '2d', settings: object): Context | null
  getContext(kind: 'webgl2'): Gl | null
}

interface Context {
  clearRect(x: number, y: number, width: number, height: number): void
  drawImage(image: Bitmap, x: number, y: number): void
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray }
}

type Gl = Readonly<Record<string, number>> &
  Readonly<Record<string, (...values: readonly unknown[]) => any>> & { readonly MAX_TEXTURE_SIZE: number }

const browser = globalThis as unknown as Browser

/** Decodes a file as it is: upright, its colour profile and gamma left alone, alpha apart from the colours. */
export const openBitmap = (file: Blob): Promise<Bitmap> =>
  browser.createImageBitmap(file, {
    imageOrientation: 'from-image',
    premultiplyAlpha: 'none',
    colorSpaceConversion: 'none',
  })

/** Pixels that are drawn at once: some browsers have no larger canvas. */
const CANVAS_PIXELS = 2 ** 24

/** Calls `take` with RGBA of some rows after the other. Where pixels are transparent the colours are exact if `WebGL` is there. */
export function readRows(bitmap: Bitmap, take: (rgba: Uint8Array, top: number) => void): void {
  const { width, height } = bitmap
  const rows = Math.min(height, Math.max(1, Math.floor(CANVAS_PIXELS / width)))
  const context = contextOf(width, rows)
  let exact: Uint8Array | undefined | null = null
  for (let top = 0; top < height; top += rows) {
    const count = Math.min(rows, height - top)
    context.clearRect(0, 0, width, rows)
    context.drawImage(bitmap, 0, -top)
    const { buffer } = context.getImageData(0, 0, width, count).data
    const rgba = new Uint8Array(buffer)
    // A canvas keeps colours multiplied by alpha, and cannot give back what that cost.
    if (exact === null && !isOpaque(rgba)) exact = readWithGl(bitmap)
    take(exact ? exact.subarray(top * width * 4, (top + count) * width * 4) : rgba, top)
  }
}

/** The last canvas that is worth keeping: pictures of a camera have one size. */
let kept: { readonly width: number; readonly height: number; readonly context: Context } | undefined
const KEPT_PIXELS = 2 ** 21

function contextOf(width: number, height: number): Context {
  if (kept?.width === width && kept.height === height) return kept.context
  const context = new browser.OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('The browser gives no canvas.')
  if (width * height <= KEPT_PIXELS) kept = { width, height, context }
  return context
}

/** Colours and alpha as the file has them: a texture keeps them apart. Undefined where that is not to be had. */
function readWithGl(bitmap: Bitmap): Uint8Array | undefined {
  const gl = new browser.OffscreenCanvas(1, 1).getContext('webgl2')
  if (!gl) return undefined
  const { width, height } = bitmap
  const { TEXTURE_2D, FRAMEBUFFER, RGBA, UNSIGNED_BYTE } = gl
  const texture = gl['createTexture']!()
  gl['bindTexture']!(TEXTURE_2D, texture)
  gl['pixelStorei']!(gl['UNPACK_PREMULTIPLY_ALPHA_WEBGL'], false)
  gl['pixelStorei']!(gl['UNPACK_COLORSPACE_CONVERSION_WEBGL'], gl['NONE'])
  gl['texImage2D']!(TEXTURE_2D, 0, gl['RGBA8'], RGBA, UNSIGNED_BYTE, bitmap)
  gl['bindFramebuffer']!(FRAMEBUFFER, gl['createFramebuffer']!())
  gl['framebufferTexture2D']!(FRAMEBUFFER, gl['COLOR_ATTACHMENT0'], TEXTURE_2D, texture, 0)
  const rgba = new Uint8Array(width * height * 4)
  gl['readPixels']!(0, 0, width, height, RGBA, UNSIGNED_BYTE, rgba)
  const failed = gl['getError']!() !== gl['NO_ERROR']
  // Browsers keep few of these contexts at a time.
  gl['getExtension']!('WEBGL_lose_context')?.loseContext()
  return failed ? undefined : rgba
}
