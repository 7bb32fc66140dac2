export type {
  Gallery,
  GalleryChange,
  GalleryEntry,
  GalleryHit,
  GalleryItem,
  GalleryMember,
  GallerySearchOptions,
  GalleryVectors,
  OpenGallery,
  OpenGalleryOptions,
  Rewrite,
  RewriteBlock,
} from '@lookalike/core'
