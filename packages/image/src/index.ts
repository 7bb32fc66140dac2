export { decodeImage } from './decode/decode-image.js'
export type { DecodeOptions, UrlAccess } from './decode/decode-options.js'
export { encodePng, thumbnail } from './decode/encode-image.js'
export * from './embed/create-model.js'
export * from './embed/embed-images.js'
export { type LoadBatchesOptions, type LoadedBatch, loadBatches } from './embed/load-batches.js'
export * from './embed/open-embedding-cache.js'
export { removeUnfinished, removeUnfinishedOf, unfinishedName } from './files/unfinished.js'
export { type EntryImagesOptions, entryImages, toGallerySource } from './gallery/gallery-source.js'
export {
  type FoundImage,
  type FoundImages,
  findImages,
  type ImageToIndex,
  idsOfListing,
  imagesOfDataset,
} from './gallery/images-to-index.js'
export { type Indexed, type IndexImagesOptions, indexImages, type SkippedImage } from './gallery/index-images.js'
export {
  describeShard,
  listingDigest,
  parseShard,
  readShardNote,
  type Shard,
  type ShardNote,
  shardFolder,
  shardRange,
  shardsFolder,
  workersFolder,
  writeShardNote,
} from './gallery/shard.js'
export { loadPixels } from './preprocess/load-pixels.js'
export { preprocess, preprocessedLength } from './preprocess/preprocess.js'
export {
  describePreprocessing,
  preprocessingChangesSchema,
  preprocessingSchema,
} from './preprocess/preprocessing-schema.js'
export { type ConfineOptions, confineSource } from './read/confine-source.js'
export { describeSource } from './read/describe-source.js'
export { hashImage } from './read/hash-image.js'
export { createRealPaths, imageId } from './read/image-id.js'
export {
  type LeftOut,
  type LeftOutKind,
  type ListImagesOptions,
  leftOutWarnings,
  listImages,
} from './read/list-images.js'
export { readSource } from './read/read-source.js'
export { isS3 } from './read/s3/s3-address.js'
export type { PixelBox } from './resample/resample.js'
export { resizeImage } from './resample/resize-image.js'
