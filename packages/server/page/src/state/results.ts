import { effect, signal, untracked } from '@preact/signals'
import { type ApiError, api, type Found, type Hit, type SearchRequest } from '../api.js'
import { asApiError } from './gallery.js'
import { compare, type Example, examples, filter, nearness, rerank, threshold, view } from './query.js'

const PAGE = 48
/** Distances that the slider knows. */
const KNOWN = 1000

export interface Results {
  readonly state: 'idle' | 'loading' | 'done' | 'failed'
  readonly hits: readonly Hit[]
  readonly before: readonly string[]
  /** What the model beside found. */
  readonly beside: readonly Hit[]
  /** Of the nearest images, whatever the threshold is. */
  readonly distances: readonly number[]
  readonly more: boolean
  readonly warnings: Found['warnings']
  readonly error?: ApiError
}

const NONE: Results = { state: 'idle', hits: [], before: [], beside: [], distances: [], more: false, warnings: [] }
export const results = signal<Results>(NONE)
/** Which of the results repeat which one before them. */
export const repeats = signal<ReadonlyMap<string, string>>(new Map())

let controller = new AbortController()

function requestOf(given: readonly Example[]): { body: SearchRequest; pictures: File[] } {
  const pictures: File[] = []
  const part = ({ id, url, file, box }: Example) => ({
    id,
    url,
    upload: file && pictures.push(file) - 1,
    box,
  })
  const positives = given.filter(({ negative }) => !negative).map(part)
  const negatives = given.filter(({ negative }) => negative).map(part)
  const body: SearchRequest = {
    positives,
    negatives,
    k: PAGE,
    rerank: rerank.value,
    compare: compare.value,
    filter: filter.value,
    threshold: threshold.value,
  }
  return { body, pictures }
}

async function search(keep: boolean): Promise<void> {
  controller.abort()
  controller = new AbortController()
  const { signal: ended } = controller
  const { body, pictures } = requestOf(examples.value)
  const known = untracked(() => results.value)
  results.value = { ...(keep ? known : NONE), state: 'loading' }
  try {
    const found = await api.search({ ...body, distances: keep ? 0 : KNOWN }, pictures, ended)
    const { hits, before = [], warnings, distances = known.distances } = found
    const { beside } = found
    const more = found.more || (beside?.more ?? false)
    results.value = { state: 'done', hits, before, beside: beside?.hits ?? [], more, warnings, distances }
  } catch (error) {
    if (!ended.aborted) results.value = { ...NONE, state: 'failed', error: asApiError(error) }
  }
}

export async function showMore(): Promise<void> {
  const { signal: ended } = controller
  const { body, pictures } = requestOf(examples.value)
  const known = results.value
  results.value = { ...known, state: 'loading' }
  try {
    const found = await api.search({ ...body, offset: known.hits.length }, pictures, ended)
    results.value = {
      ...known,
      state: 'done',
      hits: [...known.hits, ...found.hits],
      before: [...known.before, ...(found.before ?? [])],
      beside: [...known.beside, ...(found.beside?.hits ?? [])],
      more: found.more || (found.beside?.more ?? false),
    }
  } catch (error) {
    if (!ended.aborted) results.value = { ...known, state: 'failed', error: asApiError(error) }
  }
}

/** Searches whenever what is asked for changes. */
export function followQuery(): void {
  effect(() => {
    if (view.value !== 'search') return
    void [filter.value, rerank.value, compare.value]
    if (examples.value.length > 0) untracked(() => void search(false))
    else {
      controller.abort()
      results.value = NONE
    }
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  let last: number | undefined
  effect(() => {
    const wanted = threshold.value
    clearTimeout(timer)
    if (wanted === last) return
    last = wanted
    // A slider moves many times before it stays.
    if (untracked(() => examples.value.length > 0)) timer = setTimeout(() => void search(true), 150)
  })
  effect(() => {
    const { hits } = results.value
    const near = nearness.value
    if (near === undefined || hits.length === 0) {
      repeats.value = new Map()
      return
    }
    const ids = hits.slice(0, KNOWN).map(({ id }) => id)
    api.near(ids, near).then(
      ({ first }) => {
        if (results.peek().hits === hits)
          repeats.value = new Map(ids.flatMap((id, i) => (first[i] === id ? [] : [[id, first[i]!]])))
      },
      () => undefined,
    )
  })
}
