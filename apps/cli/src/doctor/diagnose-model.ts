import path from 'node:path'
import { isLookalikeError } from '@lookalike/core'
import type { TrainingDiagnosis, ValueInfo } from '@lookalike/onnx'
import type { Finding } from './diagnose.js'

/** Obstacles listed one by one; a model with more of them has the same few again and again. */
const SHOWN = 10

/** Looks at one ONNX file: can it be read, run and trained, and if not, which nodes stand in the way? */
export async function diagnoseModel(file: string): Promise<Finding[]> {
  const { createSession, diagnoseTraining, loadModel } = await import('@lookalike/onnx')
  const full = path.resolve(file)
  const findings: Finding[] = []
  try {
    const model = await loadModel(full)
    findings.push({ check: 'model', status: 'ok', detail: `${full}: ${model.graph.nodes.length} nodes` })
    const session = await createSession(full)
    findings.push({
      check: 'model runs',
      status: 'ok',
      detail: `${shapes(session.inputs)} -> ${shapes(session.outputs)}`,
    })
    await session.dispose()
    findings.push(...trainingFindings(await diagnoseTraining(model)))
  } catch (error) {
    if (!isLookalikeError(error)) throw error
    findings.push({ check: findings.length === 0 ? 'model' : 'model runs', status: 'fail', detail: error.message })
  }
  return findings
}

function shapes(values: readonly ValueInfo[]): string {
  return values
    .map(({ name, shape }) => `${name} [${(shape ?? []).map((dimension) => dimension ?? '?').join(', ')}]`)
    .join(', ')
}

function trainingFindings({
  trainable,
  weights,
  parameters,
  obstacles,
  weightsAfterObstacles,
}: TrainingDiagnosis): Finding[] {
  if (trainable)
    return [
      {
        check: 'model trains',
        status: 'ok',
        detail: `all ${weights.length} weight tensors (${parameters.toLocaleString('en')} values)`,
      },
    ]
  if (weights.length === 0) {
    return [
      {
        check: 'model trains',
        status: 'fail',
        detail: 'it has no float weights that its outputs depend on',
        remedy: 'Export it in float32; 8-bit models cannot be trained. A head on top of it can be.',
      },
    ]
  }
  const shown = obstacles
    .slice(0, SHOWN)
    .map(
      ({ node, problem }): Finding => ({ check: 'model trains', status: 'fail', detail: `node ${node}: ${problem}` }),
    )
  const more = obstacles.length - shown.length
  const remedy =
    weightsAfterObstacles.length === weights.length
      ? `Export it in float32. As it is, only ${weights.length} float weight tensors (${parameters.toLocaleString('en')} values) can be trained; a head on top of it can be.`
      : weightsAfterObstacles.length > 0
        ? `${weightsAfterObstacles.length} of ${weights.length} weight tensors come after every such node and can be trained: freeze the others.`
        : 'Export the model with other operators (a lower or higher opset, without fusing), or train a head on its embeddings.'
  return [
    ...shown,
    {
      check: 'model trains',
      status: 'fail',
      detail: `${obstacles.length} ${obstacles.length === 1 ? 'node has' : 'nodes have'} no gradient${more > 0 ? `, ${more} of them not listed` : ''}`,
      remedy,
    },
  ]
}
