import type { OpenGalleryOptions } from '@lookalike/core'
import type { Database } from './database.js'

/** How the vectors of a gallery are indexed. */
export interface SearchPlace {
  readonly name: string
  readonly table: string
  /** Indexed with 16 bits a value. Longer vectors always are. */
  readonly half: boolean
}

/** A table that a gallery is open in. */
export interface GalleryPlace extends SearchPlace {
  readonly database: Database
  readonly opening: OpenGalleryOptions
  /** Images from which on the graph is made. */
  readonly exactBelow: number
}
