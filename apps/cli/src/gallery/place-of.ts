import path from 'node:path'

/** Where a gallery is, as a person reads it: a folder from the working directory, anything else as its store calls it. */
export const placeOf = (gallery: string): string =>
  path.isAbsolute(gallery) ? path.relative('.', gallery) || '.' : gallery
