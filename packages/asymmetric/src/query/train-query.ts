import path from 'node:path'
import {
  type Encoder,
  type ModelCost,
  type PluginContext,
  type PluginRef,
  type Reference,
  type TrainerRequest,
  writeReference,
} from '@lookalike/core'
import type { Budget } from '@lookalike/onnx'
import { COSTS_FILE } from '@lookalike/train'
import { innerRun } from './inner-run.js'

/** Where the query model lies in the run's folder. */
const FOLDER = 'query'
export const QUERY_MODEL = `${FOLDER}/model.onnx`

/** Ours: the built-in encoders were trained by this loss, too. */
const USUAL = { use: 'metric-learning', loss: { use: 'nt-xent', tau: 0.05 } }

export interface QueryTraining {
  readonly budget: Budget
  /** Options of the trainer, over ours. */
  readonly training: Readonly<Record<string, unknown>> | undefined
  /** The model to learn from, where the trainer does not name one. */
  readonly teacher: Reference<'encoder'>
}

export interface TrainedQuery {
  readonly encoder: Encoder
  /** The query model on both sides, and what it is measured beside. */
  readonly costs: readonly ModelCost[]
}

/** A query model within a budget, taught by a gallery model; an interrupted run keeps one that is finished. */
export async function trainQuery(
  { budget, training, teacher }: QueryTraining,
  request: TrainerRequest,
  context: PluginContext,
): Promise<TrainedQuery> {
  const run = innerRun(request.run, FOLDER)
  let costs = request.run.resumed ? await finished(run) : undefined
  if (!costs) {
    const ref = { ...USUAL, teacher: { encoder: writeReference(teacher) }, ...training, budget } as PluginRef<'trainer'>
    const result = await (await context.create('trainer', ref)).train({ ...request, run })
    request.signal?.throwIfAborted()
    costs = result.costs ?? []
  }
  const model = path.join(request.run.folder, QUERY_MODEL)
  return { encoder: await context.create('encoder', { use: 'onnx', name: 'light', model }), costs }
}

/** Costs are written last. */
async function finished(run: ReturnType<typeof innerRun>): Promise<readonly ModelCost[] | undefined> {
  const costs = await run.read(COSTS_FILE)
  return costs && (JSON.parse(Buffer.from(costs).toString('utf8')) as ModelCost[])
}
