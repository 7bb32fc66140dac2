import type { Runtime } from './runtime-port.js'

export const runtimePackage = {
  name: 'onnxruntime-node',
  fix: 'Install it: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node',
}

export async function startRuntime(): Promise<Runtime> {
  // From 1.30 on it keeps a number of the machine and a database of events in the home folder, and sends them to its makers. Read when it is loaded.
  process.env.ORT_DISABLE_TELEMETRY ??= '1'
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
