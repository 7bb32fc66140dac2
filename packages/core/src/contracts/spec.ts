/** The version of the contracts. A plugin built for another one is refused by name. */
export const SPEC_VERSION = 'v1'
export type SpecVersion = typeof SPEC_VERSION

/** What every long operation takes. */
export interface OperationOptions {
  /** Stops the operation at the next safe point; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  onProgress?: ((progress: Progress) => void) | undefined
  onWarning?: ((warning: import('../errors.js').Warning) => void) | undefined
}

/** A progress event. Events of one `phase` come in order; `done` never falls. */
export interface Progress {
  /** What is going on, for people: `encode`, `train`, `index`. */
  readonly phase: string
  readonly done: number
  /** Absent when unknown. */
  readonly total?: number | undefined
  /** Counted in: `image`, `step`, `query`. */
  readonly unit: string
  /** Short extra text for the bar, for example the loss. */
  readonly note?: string | undefined
}
