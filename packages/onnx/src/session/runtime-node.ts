import type { Runtime } from './runtime-port.js'

export const runtimePackage = {
  name: 'onnxruntime-node',
  fix: 'Install it: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node',
}

export async function startRuntime(): Promise<Runtime> {
  const [{ env, InferenceSession, Tensor, listSupportedBackends }, { availableParallelism }] = await Promise.all([
    import('onnxruntime-node'),
    import('node:os'),
  ])
  return {
    InferenceSession,
    Tensor,
    listSupportedBackends,
    defaultThreads: availableParallelism(),
    version: env.versions.node ?? env.versions.common,
  }
}
