import { exactPlugin } from './exact/exact-index.js'
import { localPlugin } from './gallery/folder-store.js'
import { usearchPlugin } from './usearch/usearch-index.js'

export { chooseImages, type ImageChoice } from './care/choose-images.js'
export { type ExportGalleryOptions, exportGallery } from './care/export-gallery.js'
export { type ImportedVectors, type ImportVectorsOptions, importVectors } from './care/import-vectors.js'
export { type MergedGalleries, type MergeGalleriesOptions, mergeGalleries } from './care/merge-galleries.js'
export { type MergedShards, mergeShards } from './care/merge-shards.js'
export { type VerifiedGallery, type VerifyGalleryOptions, verifyGallery } from './care/verify-gallery.js'
export {
  type ClusteredImage,
  type ClusterImagesOptions,
  clusterImages,
  type ImageCluster,
  type ImageClusters,
} from './clusters/cluster-images.js'
export {
  clusterName,
  clustersCsv,
  type PlaceClustersOptions,
  type PlacedClusters,
  placeClusters,
} from './clusters/place-clusters.js'
export { type KeeperFacts } from './duplicates/choose-keeper.js'
export {
  type DuplicateGroup,
  type DuplicateImage,
  type Duplicates,
  type FindDuplicatesOptions,
  findDuplicates,
} from './duplicates/find-duplicates.js'
export { type ImageToMove, type MovedAside, moveAside, type UndoneMove, undoMove } from './duplicates/move-aside.js'
export type { ThresholdProposal } from './duplicates/propose-threshold.js'
export { type ExactOptions, exactEngine } from './exact/exact-index.js'
export { exactSimilarities } from './exact/exact-similarities.js'
export { type ExactTopKOptions, exactTopK } from './exact/exact-top-k.js'
export { type AddImagesOptions, addImages } from './gallery/add-images.js'
export type { FolderGallery, OpenFolderOptions } from './gallery/folder-gallery.js'
export { type FolderStoreOptions, folderStore } from './gallery/folder-store.js'
export { openGallery } from './gallery/open-gallery.js'
export { type Rejected, type RejectionRule, rejectUncertain } from './gallery/reject-uncertain.js'
export { searchImages } from './gallery/search-images.js'
export { createFolderCodes } from './store/folder-codes.js'
export { type FolderLock, lockFolder } from './store/lock-folder.js'
export { type EmbeddedIntoTable, type EmbedIntoTableOptions, embedIntoTable } from './tables/embed-into-table.js'
export { openTableWriter, streamTableWriter, type TableWriterOptions } from './tables/open-table-writer.js'
export { type ReadTableOptions, readTable } from './tables/read-table.js'
export {
  TABLE_FORMATS,
  type TableBlock,
  type TableFormat,
  type TableHead,
  type TableRow,
  type TableWriter,
  tableFormatOf,
} from './tables/vector-table.js'
export { type UsearchOptions, usearchEngine } from './usearch/usearch-index.js'
export { type WatchImagesOptions, watchImages } from './watch/watch-images.js'

export default [exactPlugin, usearchPlugin, localPlugin]
