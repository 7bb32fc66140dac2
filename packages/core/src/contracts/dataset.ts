import type { Metadata } from './filter.js'
import type { Box, ImageSource } from './image.js'
import type { SpecVersion } from './spec.js'

export type Split = 'train' | 'validation' | 'test'

export interface DatasetItem {
  /** Unique in the dataset; usually the path relative to the dataset's root, with forward slashes. */
  readonly id: string
  readonly source: ImageSource
  readonly label: string
  /** All labels of an image that has several, `label` among them. Two items answer each other when they share one. */
  readonly labels?: readonly string[] | undefined
  readonly split: Split
  /** Whether it is searched for / in when its split is evaluated. */
  readonly isQuery: boolean
  readonly isGallery: boolean
  readonly category?: string | undefined
  /** Items of one sequence (frames of one video) never count as each other's answers. */
  readonly sequence?: string | undefined
  readonly box?: Box | undefined
  readonly metadata?: Metadata | undefined
}

/** Which of `a` and `b` is closer to `reference`; all three are item ids. */
export interface Triple {
  readonly reference: string
  readonly a: string
  readonly b: string
  readonly closer: 'a' | 'b'
  readonly split: Split
  readonly context?: string | undefined
  readonly classA?: number | undefined
  readonly classB?: number | undefined
  /** Share of voters that agree with `closer`, in [0.5, 1], where known. */
  readonly agreement?: number | undefined
}

export interface Dataset {
  readonly specVersion: SpecVersion
  readonly name: string
  readonly items: readonly DatasetItem[]
  readonly triples?: readonly Triple[] | undefined
  /** Figures about the data that belong beside results: how well annotators agree, say. */
  readonly figures?: Readonly<Record<string, number>> | undefined
}
