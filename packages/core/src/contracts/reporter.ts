import type { EvaluationResult } from './evaluation-result.js'
import type { SpecVersion } from './spec.js'

/** Where a report goes. */
export interface ReportOutput {
  /** The run's folder, to read from: a training log, for example. Absolute. */
  readonly folder: string
  /** Writes a file of the report, whole or not at all. `name` is relative to the folder, inside it. */
  write(name: string, content: string | Uint8Array): Promise<void>
}

/** Writes an evaluation in some form. */
export interface Reporter {
  readonly specVersion: SpecVersion
  readonly name: string
  write(result: EvaluationResult, output: ReportOutput): Promise<void>
}
