import type { Embeddings } from './embeddings.js'
import type { Preprocessing } from './image.js'
import type { OperationOptions, SpecVersion } from './spec.js'

/** What an encoder is fed: ready tensors, or the images' encoded bytes (a vector service, say). */
export type EncoderInput =
  | { readonly kind: 'pixels'; readonly preprocessing: Preprocessing }
  | { readonly kind: 'bytes' }

export type EncoderBatch =
  /** `data` holds `count` preprocessed images in the encoder's layout: `count * 3 * height * width` values. */
  | { readonly kind: 'pixels'; readonly data: Float32Array; readonly count: number }
  /** Encoded image files (JPEG, PNG, ...), one an image. */
  | { readonly kind: 'bytes'; readonly images: readonly Uint8Array[] }

/** An encoder's network as one ONNX model: pixels `[N, 3, H, W]` in, embeddings `[N, dim]` out, pooling and norm included. */
export interface OnnxNetwork {
  bytes(): Promise<Uint8Array>
  readonly input: string
  readonly output: string
}

/** Images to vectors. */
export interface Encoder {
  readonly specVersion: SpecVersion
  /** For people: `mini`, `deit-small`. */
  readonly name: string
  /** Length of a vector. */
  readonly dim: number
  /** See `Embeddings.space`; the same for the same model, weights and preprocessing on every machine. */
  readonly space: string
  readonly input: EncoderInput
  /** The number of images that it likes to get at once; more and fewer both work. */
  readonly batchSize: number
  /** The network, for methods that fine-tune or cut it; absent for encoders that are not ONNX. */
  readonly onnx?: OnnxNetwork | undefined
  /** May compute on the calling thread, and then gives it back between two pieces of `batchSize` images. */
  encode(batch: EncoderBatch, options?: Pick<OperationOptions, 'signal'>): Promise<Embeddings<'any'>>
  dispose(): Promise<void>
}
