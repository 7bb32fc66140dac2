import { exactPlugin } from './exact/exact-index.js'
import { usearchPlugin } from './usearch/usearch-index.js'

export { exactEngine, type ExactOptions } from './exact/exact-index.js'
export { exactTopK, type ExactTopKOptions } from './exact/exact-top-k.js'
export { exactSimilarities } from './exact/exact-similarities.js'
export { usearchEngine, type UsearchOptions } from './usearch/usearch-index.js'

export type * from './gallery/gallery.js'
export { openGallery } from './gallery/open-gallery.js'
export { matchesFilter } from './gallery/matches-filter.js'
export { type Manifest as GalleryManifest, readManifest as readGalleryManifest } from './gallery/manifest.js'
export { rejectUncertain, type RejectionRule, type Rejected } from './gallery/reject-uncertain.js'

export default [exactPlugin, usearchPlugin]
