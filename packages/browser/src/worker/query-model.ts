import type { Preprocessing, Warning } from '@lookalike/core'
import type { OpenedModel, OpenRequest, Progress } from './protocol.js'

/** A model in the worker. */
export interface QueryModel extends OpenedModel {
  readonly preprocessing: Preprocessing
  /** One image's pixels to its vector. */
  encode(pixels: Float32Array): Promise<Float32Array>
  dispose(): Promise<void>
}

/** What a model tells while it is opened. */
export interface Report {
  onProgress(progress: Progress): void
  onWarning(warning: Warning): void
}

export type OpenModel = (request: OpenRequest, report: Report) => Promise<QueryModel>
