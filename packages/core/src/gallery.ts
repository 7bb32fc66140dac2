/** For those who make a gallery plugin: checks, errors, and how changes are taken, alike for all galleries. */

export { filterKeys, unknownKey } from './filter/filter-keys.js'
export { checkChanges, checkIds, checkItems } from './gallery/check-items.js'
export { checkHeld, checkOpenOptions } from './gallery/check-opening.js'
export { checkStorable } from './gallery/check-storable.js'
export { checkK, checkQueries, checkUncertainty, checkVectors } from './gallery/check-vectors.js'
export { copyAdditions } from './gallery/copy-additions.js'
export {
  closedGallery,
  findVectors,
  noSuchGallery,
  noSuchPage,
  readOnlyGallery,
  unknownImage,
} from './gallery/gallery-errors.js'
export { mergeChanges } from './gallery/merge-changes.js'
