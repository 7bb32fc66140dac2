import { probe } from '../gradient/probe.js'
import type { OnnxModel } from '../model/model.js'
import type { Feeds } from '../session/open-session.js'

/** The actual shape of every tensor of a model, weights included, for one set of inputs. */
export async function probeShapes(model: OnnxModel, feeds: Feeds): Promise<ReadonlyMap<string, readonly number[]>> {
  return (await probe(model, feeds, new Set())).shapes
}
