import type { SpecVersion } from './spec.js'

/** A trained array that belongs to a loss, such as its proxies. Updated in place by the trainer; always in the checkpoint. */
export interface LossParameter {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
  /** Multiplies the trainer's learning rate. */
  readonly learningRateFactor: number
  /** Whether weight decay applies. */
  readonly decay: boolean
}

/** A batch as a loss sees it. */
export interface LossInput {
  /** Row-major `[rows, dim]`, as the encoder gave them. */
  readonly embeddings: Float32Array
  readonly rows: number
  readonly dim: number
  /** Class of each row, 0 to classes - 1; for losses on labels. */
  readonly labels?: Int32Array | undefined
  /** Row numbers of (reference, a, b) and which of a and b is the closer one; for losses on triples. */
  readonly triples?: readonly LossTriple[] | undefined
  /** Counted from 0 over the whole run; schedules follow it. */
  readonly step: number
  /** The run's planned number of steps. */
  readonly totalSteps: number
}

export interface LossTriple {
  readonly reference: number
  readonly a: number
  readonly b: number
  /** Probability that b is the closer one: 0 or 1, or the share of votes. */
  readonly target: number
  /** 1 (almost the same) to 5 (irrelevant), where the data has it. */
  readonly classA?: number | undefined
  readonly classB?: number | undefined
}

export interface LossOutput {
  readonly value: number
  readonly gradients: {
    /** Shape of the input's embeddings. */
    readonly embeddings: Float32Array
    /** By parameter name, shape of the parameter. */
    readonly parameters: Readonly<Record<string, Float32Array>>
  }
  /** Numbers worth plotting. */
  readonly logs: Readonly<Record<string, number>>
}

/** A loss bound to a number of dimensions and classes. */
export interface Loss {
  readonly specVersion: SpecVersion
  readonly name: string
  readonly input: 'labels' | 'triples'
  readonly parameters: readonly LossParameter[]
  /** What computes it, for the run's log: `onnxruntime`, `tensorflow wasm`. */
  readonly engine?: string | undefined
  compute(input: LossInput): Promise<LossOutput>
  /** Anything besides the parameters that an exact resume needs (a memory of past batches). */
  state?(): Readonly<Record<string, Float32Array | Int32Array>>
  restore?(state: Readonly<Record<string, Float32Array | Int32Array>>): void
  dispose(): void
}

export interface LossBinding {
  readonly dim: number
  /** 0 for losses on triples. */
  readonly classes: number
  readonly seed: number
}

/** What a loss plugin creates: options are known, the number of classes is not yet. */
export interface UnboundLoss {
  bind(binding: LossBinding): Promise<Loss>
}
