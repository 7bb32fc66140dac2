export {
  createSearchClient,
  type RemoteFound,
  type RemoteHit,
  type RemoteSearch,
  type SearchClient,
  type SearchClientOptions,
} from './client/create-search-client.js'
export {
  createQueryEncoder,
  type QueryEncoder,
  type QueryEncoderOptions,
  type QueryImage,
} from './create-query-encoder.js'
export { type GalleryRows, quantiseRows } from './gallery/gallery-rows.js'
export { loadSmallGallery } from './gallery/load-small-gallery.js'
export { createSmallGallery, type FoundImage, type SmallGallery, type SmallSearch } from './gallery/small-gallery.js'
export type { GalleryImage } from './manifest.js'
export type { Device, Progress } from './worker/protocol.js'
