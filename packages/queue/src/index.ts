export { type IndexedWithWorkers, type IndexWithWorkersOptions, indexWithWorkers } from './index-with-workers.js'
export type { QueueOptions } from './options.js'
export { type Worked, type WorkOptions, work } from './work.js'
