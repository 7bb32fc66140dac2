import type { ArrayState } from '@lookalike/core'

/** Where a run is. Everything counts from 0. */
export interface Position {
  /** Steps done before this one. */
  readonly step: number
  readonly totalSteps: number
  readonly epoch: number
}

export interface StepResult {
  readonly value: number
  /** By parameter; parameters without one stay as they are. */
  readonly gradients: ReadonlyMap<string, Float32Array>
  /** Numbers for the log. */
  readonly logs?: Readonly<Record<string, number>> | undefined
  /** Milliseconds of the step's parts. */
  readonly times?: Readonly<Record<string, number>> | undefined
}

/** What is trained, seen from the loop: batches in, gradients out. */
export interface TrainingTask<Batch> {
  /** Number of batches of an epoch. */
  batches(epoch: number): number
  /** The batches of an epoch from number `start` on. The same ones each time. */
  load(epoch: number, start: number): AsyncIterable<Batch>
  /** Images, pairs or triples in a batch, for the throughput. */
  size(batch: Batch): number
  /** What the batch is made of, for people, when it breaks the training. */
  describe(batch: Batch): readonly string[]
  step(batch: Batch, position: Position): Promise<StepResult>
  /** Figures on the validation part; larger is better. `weights` stand in for the parameters where there is a moving average. */
  readonly validate?:
    | ((weights: ReadonlyMap<string, Float32Array> | undefined) => Promise<Readonly<Record<string, number>>>)
    | undefined
  /** Besides the parameters, what an exact resume needs. */
  state?(): ArrayState
  restore?(state: ArrayState): void
}
