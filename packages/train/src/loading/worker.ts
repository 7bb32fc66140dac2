import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { type Augmentation, createRegistry, isLookalikeError, type Plugin } from '@lookalike/core'
import type { WorkerAnswer, WorkerData } from './create-fillers.js'
import { type BatchJob, fillBatch } from './fill-batch.js'

/** The thread that makes batches ready: finds the augmentations' plugins again and answers jobs. */
const { settings, origins } = workerData as WorkerData
const port = parentPort!

/** A plugin's module, TypeScript sources included. */
async function importModule(url: string): Promise<Record<string, unknown>> {
  if (!/\.[cm]?ts$/.test(url)) return (await import(url)) as Record<string, unknown>
  const { createJiti } = await import('jiti')
  return createJiti(url).import(fileURLToPath(url))
}

let making: Promise<readonly Augmentation[]> | undefined

async function makeAugmentations(): Promise<readonly Augmentation[]> {
  const modules = await Promise.all([...new Set(origins.map(({ url }) => url))].map(importModule))
  const plugins = modules.flatMap(
    ({ default: exported }) => (Array.isArray(exported) ? exported : [exported]) as Plugin[],
  )
  const registry = createRegistry(plugins)
  const context = { folder: '.', cacheFolder: tmpdir(), seed: settings.seed, path: 'augmentations' }
  return Promise.all(origins.map(({ ref }) => registry.create('augmentation', ref, context)))
}

port.on('message', ({ id, job }: { id: number; job: BatchJob }) => {
  const answer = async (): Promise<void> => {
    try {
      const filled = await fillBatch(job, await (making ??= makeAugmentations()), settings)
      port.postMessage({ id, filled } satisfies WorkerAnswer, [filled.pixels.buffer as ArrayBuffer])
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      port.postMessage({
        id,
        error: { message, ...(isLookalikeError(error) && { code: error.code, fields: error.fields }) },
      } satisfies WorkerAnswer)
    }
  }
  void answer()
})
