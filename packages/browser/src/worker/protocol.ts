import type { Warning } from '@lookalike/core'
import type { BrowserImage } from '@lookalike/image/browser'

/** Where a model computes. `auto`: WebGPU where there is a graphics card and the folder brings its runtime, else WebAssembly. */
export type Device = 'auto' | 'wasm' | 'webgpu'

export interface OpenRequest {
  readonly kind: 'open'
  /** A folder's absolute address; or an ONNX file, or its absolute address. */
  readonly source:
    | { readonly folder: string }
    | { readonly onnx: string | Blob; readonly name: string; readonly sha256: string | undefined }
  /** Absolute address of the folder of onnxruntime-web's files. */
  readonly runtime: string | undefined
  readonly device: Device
  readonly threads: number | undefined
}

export interface EmbedRequest {
  readonly kind: 'embed'
  readonly image: BrowserImage
}

export type Request = { readonly id: number } & (OpenRequest | EmbedRequest)

export interface OpenedModel {
  readonly name: string
  readonly space: string
  readonly dim: number
  readonly device: 'wasm' | 'webgpu'
}

export interface Progress {
  readonly phase: 'model' | 'runtime'
  /** Bytes. */
  readonly loaded: number
  /** Bytes; undefined where the server does not say. */
  readonly total: number | undefined
}

export interface SentError {
  readonly code: string | undefined
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: SentError }
  | { readonly progress: Progress }
  | { readonly warning: Warning }
