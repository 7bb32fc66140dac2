import type { Runtime } from './runtime-port.js'

export const runtimePackage = {
  name: 'onnxruntime-node',
  get fix() {
    return howToGet(process)
  },
}

/** Where the package has no build for this machine, installing it again would not help. */
export function howToGet({ platform, arch, report }: Pick<NodeJS.Process, 'platform' | 'arch' | 'report'>): string {
  if (platform === 'darwin' && arch === 'x64')
    return 'It has no build for Macs with an Intel processor any more: run Lookalike in a Linux container there.'
  if (platform === 'linux' && isMusl(report))
    return 'It has no build for musl, which Alpine Linux uses: take an image with glibc, such as node:24-slim instead of node:24-alpine.'
  return 'Install it: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node'
}

/** Node built for glibc names its version in its report. */
function isMusl(report: NodeJS.Process['report']): boolean {
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime === undefined
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
    lends: true,
  }
}
