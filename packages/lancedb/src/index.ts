import { lancePlugin } from './lance-store.js'

export { type LanceOptions, lanceStore } from './lance-store.js'

export default [lancePlugin]
