export type { Bitmap } from './decode/browser/canvas.js'
export {
  type BrowserDecodeOptions,
  type BrowserImage,
  decodeInBrowser,
} from './decode/browser/decode-in-browser.js'
export { preprocess, preprocessedLength } from './preprocess/preprocess.js'
export { describePreprocessing, preprocessingSchema } from './preprocess/preprocessing-schema.js'
export type { PixelBox } from './resample/resample.js'
export { resizeImage } from './resample/resize-image.js'
