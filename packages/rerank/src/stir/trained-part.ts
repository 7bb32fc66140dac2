import type { OnnxModel } from '@lookalike/onnx'
import { cutModel } from '../pair/build-pair-model.js'
import { pairPart, withDropout } from '../pair/pair-parts.js'
import { NAMES, type PairSpec } from '../pair/pair-spec.js'

/** The input that says which units of the head are left out. */
export const MASK = 'pair.dropout'

/** The part of a pair model that is trained: all of it on pixels, or what sees the pair on tokens. */
export function trainedPart(model: OnnxModel, spec: PairSpec, dropout: number): OnnxModel {
  const whole = spec.fusion === 0 ? cutModel(model, NAMES.logit) : pairPart(model, spec, NAMES.logit)
  return dropout > 0 ? withDropout(whole, MASK) : whole
}
