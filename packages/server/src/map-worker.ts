/** The program of the thread that lays images out on a map. */
import { parentPort } from 'node:worker_threads'
import type { FromMapWorker, ToMapWorker } from './service/map-in-worker.js'
import { mapLayout } from './service/map-layout.js'
import type { MapLayout } from './service/umap-layout.js'

let layout: MapLayout | undefined

parentPort!.on('message', (message: ToMapWorker) => {
  if ('sample' in message) {
    layout = mapLayout(message.layout, message.sample, message.dim)
    answer({ points: new Float32Array() })
  } else answer({ points: layout!.place(message.vectors) })
})

function answer(message: FromMapWorker): void {
  parentPort!.postMessage(message, [message.points.buffer as ArrayBuffer])
}
