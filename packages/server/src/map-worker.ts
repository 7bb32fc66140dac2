/** The program of the thread that lays images out with UMAP. */
import { parentPort } from 'node:worker_threads'
import type { FromMapWorker, ToMapWorker } from './service/map-in-worker.js'
import { type UmapLayout, umapLayout } from './service/umap-layout.js'

let layout: UmapLayout | undefined

parentPort!.on('message', async (message: ToMapWorker) => {
  if ('sample' in message) {
    layout = await umapLayout(message.sample, message.dim)
    answer({ points: new Float32Array() })
  } else answer({ points: layout!.place(message.vectors) })
})

function answer(message: FromMapWorker): void {
  parentPort!.postMessage(message, [message.points.buffer as ArrayBuffer])
}
