import type { OperationOptions, RunPart } from '@lookalike/core'
import type { Optimizer } from '../optimizer/create-optimizer.js'
import type { Schedule } from '../optimizer/schedule.js'

export interface TrainingLoopOptions extends OperationOptions {
  readonly optimizer: Optimizer
  readonly schedule: Schedule
  /** Where log and checkpoints go; a run that is resumed goes on from its last checkpoint. */
  readonly run: RunPart
  /** What checkpoints belong to besides the run's own settings, by name: a checkpoint of something else is refused. */
  readonly belongsTo?: Readonly<Record<string, string | undefined>> | undefined
  readonly epochs: number
  /** Stop after so many steps; by default after the epochs. */
  readonly steps?: number | undefined
  /** Steps between two checkpoints. */
  readonly checkpointEvery: number
  /** Steps between two lines of the log, which hold the means between them. */
  readonly logEvery: number
  /** Epochs between two validations, if the task has one. */
  readonly validateEvery: number
  /** The validation figure that decides what is best. */
  readonly monitor?: string | undefined
  /** Validations without a new best after which the run stops. Default: never. */
  readonly patience?: number | undefined
  /** Which weights the run ends with: those of the best validation (the default, where there is one) or the last. */
  readonly keep?: 'best' | 'last' | undefined
  /** Share of the moving average that stays at each step; without it there is none. */
  readonly averageDecay?: number | undefined
  /** Of what batches are made: `image`, `pair`. */
  readonly unit?: string | undefined
  /** Facts for the log's first line. */
  readonly about?: Readonly<Record<string, unknown>> | undefined
}

export interface TrainingLoopResult {
  readonly stopped: 'finished' | 'early' | 'aborted'
  readonly steps: number
  /** The parameters to use: the best by validation, else the moving average, else as they are. By name. */
  readonly weights: ReadonlyMap<string, Float32Array>
  readonly best?: Best | undefined
  /** Mean loss of the last `logEvery` steps; NaN without any. */
  readonly loss: number
}

export interface Best {
  readonly step: number
  readonly figures: Readonly<Record<string, number>>
}
