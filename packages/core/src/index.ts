export type * from './contracts/combiner.js'
export type * from './contracts/dataset.js'
export type * from './contracts/embeddings.js'
export type * from './contracts/encoder.js'
export type * from './contracts/evaluation-result.js'
export type * from './contracts/filter.js'
export type * from './contracts/gallery.js'
export type * from './contracts/image.js'
export type * from './contracts/logger.js'
export type * from './contracts/loss.js'
export type * from './contracts/model.js'
export type * from './contracts/ranking.js'
export type * from './contracts/reporter.js'
export type * from './contracts/reranker.js'
export type * from './contracts/run.js'
export type * from './contracts/similarities.js'
export * from './contracts/spec.js'
export type * from './contracts/training.js'
export type * from './contracts/vector-index.js'
export * from './embeddings/create-embeddings.js'
export * from './errors.js'
export { filterKeys, unknownKey } from './filter/filter-keys.js'
export { matchesFilter } from './filter/matches-filter.js'
export { parseFilter } from './filter/parse-filter.js'
export { checkChanges, checkIds, checkItems } from './gallery/check-items.js'
export { checkHeld, checkOpenOptions } from './gallery/check-opening.js'
export { checkStorable } from './gallery/check-storable.js'
export { checkK, checkQueries, checkUncertainty, checkVectors } from './gallery/check-vectors.js'
export {
  closedGallery,
  findMember,
  noSuchGallery,
  noSuchPage,
  readOnlyGallery,
  unknownImage,
} from './gallery/gallery-errors.js'
export { type GalleryPagesOptions, galleryEntries, galleryPages } from './gallery/gallery-pages.js'
export { isRecord } from './is-record.js'
export { checkOptions } from './plugin/check-options.js'
export * from './plugin/check-plugin.js'
export * from './plugin/create-registry.js'
export * from './plugin/define-plugin.js'
export { type ConfigIssue, describeIssue } from './plugin/describe-issue.js'
export * from './plugin/kinds.js'
export * from './plugin/nearest-name.js'
export { invalidConfig } from './plugin/parse-options.js'
export * from './plugin/plugin-origin.js'
export * from './plugin/plugin-ref.js'
export {
  findReferences,
  parseReference,
  placeReferences,
  type Reference,
  replaceReferences,
  writeReference,
} from './plugin/reference.js'
export type * from './plugin/schema.js'
export { formatPath, type JsonSchema } from './plugin/schema-path.js'
export * from './random/create-random.js'
export * from './ranking/apply-reranker.js'
export * from './ranking/create-ranking.js'
export { isRelevant } from './ranking/is-relevant.js'
export * from './ranking/search-gallery.js'
export { concat } from './rows/concat.js'
export { dot, dotRows, norm } from './rows/dot-rows.js'
export { type NumbersOwner, toFloat32, toInt32 } from './rows/numbers.js'
export { orthogonalMatrix } from './rows/orthogonal-matrix.js'
export { pickRows } from './rows/pick-rows.js'
export { logistic, softplus } from './rows/softplus.js'
export { topK } from './rows/top-k.js'
export { unitRows } from './rows/unit-rows.js'
