import { exactPlugin } from './exact/exact-index.js'
import { usearchPlugin } from './usearch/usearch-index.js'

export { type ExactOptions, exactEngine } from './exact/exact-index.js'
export { exactSimilarities } from './exact/exact-similarities.js'
export { type ExactTopKOptions, exactTopK } from './exact/exact-top-k.js'
export { type AddImagesOptions, addImages } from './gallery/add-images.js'
export type * from './gallery/gallery.js'
export { matchesFilter } from './gallery/matches-filter.js'
export { openGallery } from './gallery/open-gallery.js'
export { type Rejected, type RejectionRule, rejectUncertain } from './gallery/reject-uncertain.js'
export { searchImages } from './gallery/search-images.js'
export { type Manifest as GalleryManifest, readManifest as readGalleryManifest } from './store/manifest.js'
export { type UsearchOptions, usearchEngine } from './usearch/usearch-index.js'

export default [exactPlugin, usearchPlugin]
