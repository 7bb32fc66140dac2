import type { Warning } from '../errors.js'
import type { DatasetItem } from './dataset.js'
import type { Ranking } from './ranking.js'

/** Figures of one stage: the plain search, or the search after the first n rerankers. */
export interface StageResult {
  /** `search`, then each reranker's name. */
  readonly name: string
  /** `recall@1`, `map@r`, ... to values in [0, 1]. */
  readonly metrics: Readonly<Record<string, number>>
  /** The same by category, where the dataset has categories. */
  readonly categories: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** One ranking a query, by position in `gallery`. */
  readonly rankings: readonly Ranking[]
  /** Wall time of this stage, milliseconds a query. */
  readonly millisecondsPerQuery: number
}

/** A curve for the report. */
export interface Curve {
  readonly name: string
  readonly x: { readonly label: string; readonly values: readonly number[] }
  readonly y: { readonly label: string; readonly values: readonly number[] }
}

/** One way to search of several that are compared on the same images. */
export interface ComparedModel {
  readonly name: string
  /** Length of what is searched. */
  readonly dim: number
  readonly metrics: Readonly<Record<string, number>>
  /** Median time from a query image to its vector, by itself and without a cache, milliseconds. */
  readonly encodingMilliseconds: number
  /** Time of search and reranking, milliseconds a query. */
  readonly searchMilliseconds: number
}

/** What happens to the error of the first result (1 - recall@1) as gallery images are rejected; one number a coverage. */
export interface GalleryRejection {
  /** Shares of the gallery that stay. */
  readonly coverage: readonly number[]
  /**
   * Error rate among the queries that still have a right answer in what stays, the most uncertain images being rejected first: a
   * query whose only answer was rejected is no error of the images that were kept. 1 where no query is left.
   */
  readonly risk: readonly number[]
  /** Rejected at random, mean of the repeats. */
  readonly randomRisk: readonly number[]
  /** Rejected by what the images really do: first those that stand wrongly first or are never found. */
  readonly oracleRisk: readonly number[]
  /** Mean of `risk` over the coverages, and of the other two. */
  readonly aurc: number
  readonly randomAurc: number
  readonly oracleAurc: number
  /** Share of the queries that still have a right answer in what stays, the most uncertain being rejected first. */
  readonly answerable: readonly number[]
  /** Error rate among all queries, those without a right answer left counting as errors; then at random and by the oracle. */
  readonly strictRisk: readonly number[]
  readonly randomStrictRisk: readonly number[]
  readonly oracleStrictRisk: readonly number[]
  /** What a threshold for each target risk of the config does, measured on queries that did not choose it. */
  readonly targets?: readonly TargetRisk[] | undefined
}

/** A threshold of the uncertainty for a target risk: images at it and above are rejected. */
export interface TargetRisk {
  /** The share of wrong first results that is allowed, among all queries with a right answer in the whole gallery. */
  readonly target: number
  /** null where nothing has to be rejected. */
  readonly threshold: number | null
  /** Share of the gallery that stays. */
  readonly coverage: number
  /** The share of wrong first results that was measured; a query whose right answers were all rejected is no error. */
  readonly risk: number
  /** The same with nothing rejected. */
  readonly unrestrictedRisk: number
}

/** Everything an evaluation found; reporters turn it into files. */
export interface EvaluationResult {
  readonly name: string
  readonly dataset: string
  readonly model: { readonly name: string; readonly space: string; readonly dim: number }
  readonly queries: readonly DatasetItem[]
  readonly gallery: readonly DatasetItem[]
  readonly stages: readonly StageResult[]
  readonly curves: readonly Curve[]
  /** The model, the same with its rerankers, one after the other, and then its baselines without any; only where the config asks for them. */
  readonly comparison?: readonly ComparedModel[] | undefined
  /** One value a gallery image, where the model has one. */
  readonly uncertainty?: Float32Array | undefined
  /** What rejecting the least sure gallery images does to the last stage, where the model has uncertainties. */
  readonly rejection?: GalleryRejection | undefined
  readonly warnings: readonly Warning[]
  /** ISO 8601. */
  readonly finishedAt: string
}
