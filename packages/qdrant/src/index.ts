import { qdrantPlugin } from './qdrant-store.js'

export { type QdrantOptions, qdrantStore } from './qdrant-store.js'

export default [qdrantPlugin]
