import type { Augmentation, Encoder } from '@lookalike/core'

/** The parts that options only name. */
export interface StirParts {
  readonly augmentations: readonly Augmentation[]
  /** Opens what searches; needed where the options name it. */
  readonly search?: (() => Promise<Encoder>) | undefined
  /** Folder of the cached tokens; none are kept without it. */
  readonly cacheFolder?: string | undefined
  /** Processor threads. */
  readonly threads?: number | undefined
}
