import { access, constants, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism, freemem, totalmem } from 'node:os'
import path from 'node:path'
import { findReferences, isLookalikeError, type Registry } from '@lookalike/core'
import { resolveConfig } from '@lookalike/pipeline'
import { openProject, type Project, type ProjectArgs } from '../open-project.js'
import { VERSION } from '../version.js'

/** What is looked at, and how it may be besides fine; docs/troubleshooting.md explains each. `*.model` is a model that the config names. */
export const FINDINGS = {
  node: ['fail'],
  machine: ['warn'],
  'onnxruntime-node': ['fail'],
  sharp: ['fail'],
  usearch: ['warn'],
  'tensorflow.js': ['warn', 'fail'],
  plugins: [],
  config: ['warn', 'fail'],
  '*.model': ['fail'],
  runs: ['fail'],
  cache: ['fail'],
  model: ['fail'],
  'model runs': ['warn', 'fail'],
  'model trains': ['fail'],
} as const

type Check = keyof typeof FINDINGS
type CheckText<C extends Check> = C extends '*.model' ? `${string}.model` : C

/** One thing that was looked at. */
export type Finding = {
  [C in Check]: {
    readonly check: CheckText<C>
    readonly status: 'ok' | (typeof FINDINGS)[C][number]
    readonly detail: string
    /** What to do about it. */
    readonly remedy?: string | undefined
  }
}[Check]

/** Looks at the machine, the natives, the plugins and the config. */
export async function diagnose(at: ProjectArgs): Promise<Finding[]> {
  return [node(), machine(), ...(await natives()), await tensorflow(), ...(await project(at))]
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const fine = major > 20 || (major === 20 && minor >= 19)
  return {
    check: 'node',
    status: fine ? 'ok' : 'fail',
    detail: `${process.versions.node} on ${process.platform} ${process.arch}, lookalike ${VERSION}`,
    remedy: fine ? undefined : 'Install Node 20.19 or newer.',
  }
}

function machine(): Finding {
  const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1)
  const little = totalmem() < 2 * 2 ** 30
  return {
    check: 'machine',
    status: little ? 'warn' : 'ok',
    detail: `${availableParallelism()} cores, ${gigabytes(totalmem())} GiB memory, ${gigabytes(freemem())} GiB free`,
    remedy: little ? 'Use small batches: --encoder.batchSize=4' : undefined,
  }
}

const NATIVES = [
  {
    name: 'onnxruntime-node',
    owner: '@lookalike/onnx',
    purpose: 'runs every model',
    remedy:
      'Run: npm install onnxruntime-node. Behind a proxy set ONNXRUNTIME_NODE_INSTALL=skip first. For Intel Macs and for musl (Alpine) it has no build: take a Linux or a container with glibc.',
  },
  {
    name: 'sharp',
    owner: '@lookalike/cli',
    purpose: 'reads images',
    remedy: 'Run: npm install sharp. On Alpine and other musl systems: npm install --os=linux --libc=musl sharp.',
  },
  {
    name: 'usearch',
    owner: '@lookalike/gallery',
    purpose: 'approximate search',
    remedy: 'Run: npm install usearch, or use the index "exact".',
  },
] as const

async function natives(): Promise<Finding[]> {
  // First as everything else loads it: with its telemetry off.
  await import('@lookalike/onnx').then(({ runtimeVersion }) => runtimeVersion()).catch(() => undefined)
  return NATIVES.map(({ name, owner, purpose, remedy }): Finding => {
    try {
      const require = createRequire(owner === '@lookalike/cli' ? import.meta.url : import.meta.resolve(owner))
      require(name)
      return { check: name, status: 'ok', detail: `${versionOf(require, name)}, ${purpose}` }
    } catch (error) {
      const detail = `does not load: ${firstLine(error)}`
      return name === 'usearch'
        ? { check: name, status: 'warn', detail, remedy }
        : { check: name, status: 'fail', detail, remedy }
    }
  })
}

/** Packages that keep their package.json to themselves are known by the folder they lie in. */
function versionOf(require: NodeJS.Require, name: string): string {
  for (
    let folder = path.dirname(require.resolve(name));
    folder !== path.dirname(folder);
    folder = path.dirname(folder)
  ) {
    try {
      const found = require(path.join(folder, 'package.json')) as { name?: string | undefined; version?: string }
      if (found.name === name && found.version !== undefined) return found.version
    } catch {
      // Not the package's root yet.
    }
  }
  return 'installed'
}

async function tensorflow(): Promise<Finding> {
  try {
    const { describeBackend } = await import('@lookalike/losses')
    const { tensorflow: backend, tensorflowVersion, products } = await describeBackend()
    const slow = backend === 'cpu'
    return {
      check: 'tensorflow.js',
      status: slow ? 'warn' : 'ok',
      detail: `${tensorflowVersion}, backend ${backend}, computes losses (matrix products: ${products})`,
      remedy: slow
        ? 'WebAssembly did not start; losses will be slow. Run: npm install @tensorflow/tfjs-backend-wasm'
        : undefined,
    }
  } catch (error) {
    return {
      check: 'tensorflow.js',
      status: 'fail',
      detail: `does not start: ${firstLine(error)}`,
      remedy: 'Run: npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm',
    }
  }
}

async function project(at: ProjectArgs): Promise<Finding[]> {
  let opened: Project
  let registry: Registry
  try {
    opened = await openProject(at)
    registry = await opened.registry()
  } catch (error) {
    return [
      {
        check: 'config',
        status: 'fail',
        detail: (error as Error).message,
        remedy: isLookalikeError(error) ? undefined : 'Run it again with --debug.',
      },
    ]
  }
  const { loaded } = opened
  const found = registry.list()
  const packages = [
    ...new Set(found.map(({ origin }) => `${origin.package}${origin.version ? ` ${origin.version}` : ''}`)),
  ]
  const findings: Finding[] = [
    { check: 'plugins', status: 'ok', detail: `${found.length} from ${packages.join(', ')}` },
  ]
  const [file] = loaded.files
  if (file === undefined) {
    return [
      ...findings,
      {
        check: 'config',
        status: 'warn',
        detail: 'none here; everything is at its default',
        remedy: 'Make one with: lookalike init',
      },
    ]
  }
  try {
    await resolveConfig(loaded.config, registry, file)
    findings.push({ check: 'config', status: 'ok', detail: file })
  } catch (error) {
    findings.push({ check: 'config', status: 'fail', detail: (error as Error).message })
  }
  for (const { path: where, options } of findReferences(loaded.config)) {
    const { model } = options
    if (typeof model !== 'string' || !model.endsWith('.onnx')) continue
    const full = path.resolve(loaded.folder, model)
    const size = await stat(full).then(
      ({ size: bytes }) => bytes,
      () => undefined,
    )
    findings.push(
      size === undefined
        ? {
            check: `${where}.model`,
            status: 'fail',
            detail: `${full} is not there`,
            remedy: 'Check the path, or train it first.',
          }
        : { check: `${where}.model`, status: 'ok', detail: `${full}, ${(size / 2 ** 20).toFixed(1)} MiB` },
    )
  }
  findings.push(await writable('runs', path.resolve(loaded.folder, loaded.config.runs)))
  if (loaded.config.cache !== false)
    findings.push(await writable('cache', path.resolve(loaded.folder, loaded.config.cache)))
  return findings
}

async function writable(check: 'runs' | 'cache', folder: string): Promise<Finding> {
  for (let at = folder; ; at = path.dirname(at)) {
    if (await stat(at).catch(() => undefined)) {
      const may = await access(at, constants.W_OK).then(
        () => true,
        () => false,
      )
      return may
        ? { check, status: 'ok', detail: folder }
        : {
            check,
            status: 'fail',
            detail: `${at} may not be written to`,
            remedy: `Change its permissions, or set "${check}" in the config.`,
          }
    }
    if (at === path.dirname(at))
      return { check, status: 'fail', detail: `${folder} cannot be made`, remedy: `Set "${check}" in the config.` }
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!
}
