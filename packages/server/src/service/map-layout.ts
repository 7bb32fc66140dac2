import { principalPlane, project } from './principal-plane.js'
import { type MapLayout, umapLayout } from './umap-layout.js'

/** The plane that the vectors spread out in most, or a map on which what is near stays near. */
export type Layout = 'pca' | 'umap'

/** @param sample row-major, rows of `dim` values */
export function mapLayout(layout: Layout, sample: Float32Array, dim: number): MapLayout {
  if (layout === 'umap') return umapLayout(sample, dim)
  const plane = principalPlane(sample, dim)
  return { place: (vectors) => project(plane, vectors, dim) }
}
