import { exactPlugin } from './exact/exact-index.js'
import { usearchPlugin } from './usearch/usearch-index.js'

export { exactEngine, type ExactOptions } from './exact/exact-index.js'
export { exactTopK, type ExactTopKOptions } from './exact/exact-top-k.js'
export { exactSimilarities } from './exact/exact-similarities.js'
export { usearchEngine, type UsearchOptions } from './usearch/usearch-index.js'

export default [exactPlugin, usearchPlugin]
