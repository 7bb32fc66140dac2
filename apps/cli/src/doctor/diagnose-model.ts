import path from 'node:path'
import type { Finding } from './diagnose.js'

/** Looks at one ONNX file: can it be read and run? */
export async function diagnoseModel(file: string): Promise<Finding[]> {
  const { createSession, loadModel } = await import('@lookalike/onnx')
  const full = path.resolve(file)
  const findings: Finding[] = []
  try {
    const model = await loadModel(full)
    findings.push({ check: 'model', status: 'ok', detail: `${full}: ${model.graph.nodes.length} nodes` })
    const session = await createSession(full)
    const shape = (values: typeof session.inputs) => values.map(({ name, shape: dims }) => `${name} [${(dims ?? []).map((dim) => dim ?? '?').join(', ')}]`).join(', ')
    findings.push({ check: 'model runs', status: 'ok', detail: `${shape(session.inputs)} -> ${shape(session.outputs)}` })
    await session.dispose()
  } catch (error) {
    findings.push({ check: 'model', status: 'fail', detail: (error as Error).message })
  }
  return findings
}
