import { batch, computed, signal } from '@preact/signals'
import type { Box, Filter } from '../api.js'

/** A picture to search by. */
export interface Example {
  readonly key: string
  readonly id?: string
  readonly file?: File
  readonly url?: string
  readonly box?: Box | undefined
  readonly negative: boolean
}

export type View = 'search' | 'browse' | 'duplicates' | 'map' | 'label'
const VIEWS: readonly View[] = ['search', 'browse', 'duplicates', 'map', 'label']

export const view = signal<View>('search')
export const examples = signal<readonly Example[]>([])
/** Chosen values by key of metadata. */
export const chosen = signal<Readonly<Record<string, readonly (string | number | boolean)[]>>>({})
export const ranges = signal<Readonly<Record<string, { readonly gte?: number; readonly lte?: number }>>>({})
export const threshold = signal<number | undefined>(undefined)
export const rerank = signal(false)
/** Whether the model beside answers, too. */
export const compare = signal(false)
/** Distance up to which results count as the same; undefined shows all. */
export const nearness = signal<number | undefined>(undefined)

export function filterOf(but?: string): Filter | undefined {
  const parts = [
    ...Object.entries(chosen.value)
      .filter(([key, values]) => key !== but && values.length > 0)
      .map(([key, values]) => [key, [...values]] as const),
    ...Object.entries(ranges.value)
      .filter(([key, range]) => key !== but && (range.gte !== undefined || range.lte !== undefined))
      .map(([key, range]) => [key, { ...range }] as const),
  ]
  return parts.length > 0 ? Object.fromEntries(parts) : undefined
}

export const filter = computed(() => filterOf())

let count = 0
const made = (example: Omit<Example, 'key'>): Example => ({ ...example, key: `${++count}` })

/** Examples by the number of their entry in the browser's history: files cannot be in an address. */
const history = new Map<number, readonly Example[]>()
let entry = 0

function show(next: readonly Example[], to: View): void {
  batch(() => {
    examples.value = next
    view.value = to
    threshold.value = undefined
  })
}

function addressOf(to: View, of: readonly Example[]): string {
  const query = new URLSearchParams()
  for (const { id, negative } of of) if (id !== undefined) query.append(negative ? 'not' : 'like', id)
  const text = to === 'search' ? query.toString() : ''
  return `#/${to}${text && `?${text}`}`
}

function enter(next: readonly Example[], to: View): void {
  entry++
  history.set(entry, next)
  window.history.pushState({ entry }, '', addressOf(to, next))
  show(next, to)
  scrollTo(0, 0)
}

export const go = (to: View) => enter(examples.value, to)

/** A new search. */
export const searchBy = (...given: readonly Omit<Example, 'key' | 'negative'>[]) =>
  enter(
    given.map((each) => made({ ...each, negative: false })),
    'search',
  )

/** One more example of the search. */
export function addExample(example: Omit<Example, 'key'>): void {
  const others = examples.value.filter(({ id, box }) => id === undefined || id !== example.id || box !== undefined)
  enter([...others, made(example)], 'search')
}

export const changeExample = (key: string, change: Partial<Example>) =>
  enter(
    examples.value.map((each) => (each.key === key ? { ...each, ...change } : each)),
    'search',
  )

export const removeExample = (key: string) =>
  enter(
    examples.value.filter((each) => each.key !== key),
    'search',
  )

function readAddress(state: unknown): void {
  const [path = '', text = ''] = location.hash.replace(/^#\//, '').split('?')
  const to = VIEWS.find((each) => each === path) ?? 'search'
  const known = history.get((state as { entry?: number } | null)?.entry ?? -1)
  if (known) return show(known, to)
  const query = new URLSearchParams(text)
  const of = (name: string, negative: boolean) => query.getAll(name).map((id) => made({ id, negative }))
  show(to === 'search' ? [...of('like', false), ...of('not', true)] : examples.value, to)
}

export function followAddress(): void {
  addEventListener('popstate', (event) => readAddress(event.state))
  readAddress(undefined)
}

const previews = new WeakMap<File, string>()

/** An address of a chosen picture, for this page alone. */
export function previewOf(file: File): string {
  const known = previews.get(file) ?? URL.createObjectURL(file)
  previews.set(file, known)
  return known
}
