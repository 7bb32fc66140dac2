import type { EvaluationResult } from './evaluation-result.js'
import type { SpecVersion } from './spec.js'

/** Writes an evaluation in some form. Returns the files that it wrote, relative to the folder. */
export interface Reporter {
  readonly specVersion: SpecVersion
  readonly name: string
  write(result: EvaluationResult, folder: string): Promise<readonly string[]>
}
