import { computed, effect, signal } from '@preact/signals'
import { gallery } from './gallery.js'

/** "Is a or b closer to the reference?", answered. */
export interface Triple {
  readonly reference: string
  readonly a: string
  readonly b: string
  readonly closer: 'a' | 'b'
}

export type Mark = 'right' | 'wrong'

interface Kept {
  readonly answers: readonly Triple[]
  /** By the image that was searched by, then by the answer. */
  readonly marks: Readonly<Record<string, Readonly<Record<string, Mark>>>>
}

const EMPTY: Kept = { answers: [], marks: {} }

/** What was judged on this page; kept by the browser for each gallery. */
export const judgements = signal<Kept>(EMPTY)

export const triples = computed<readonly Triple[]>(() => {
  const { answers, marks } = judgements.value
  const marked = Object.entries(marks).flatMap(([reference, of]) => {
    const list = (wanted: Mark) => Object.keys(of).filter((id) => of[id] === wanted)
    return list('wrong').flatMap((b) => list('right').map((a): Triple => ({ reference, a, b, closer: 'a' })))
  })
  return [...answers, ...marked]
})

export const markOf = (reference: string, id: string): Mark | undefined => judgements.value.marks[reference]?.[id]

export function mark(reference: string, id: string, wanted: Mark): void {
  const { [id]: before, ...others } = judgements.value.marks[reference] ?? {}
  const of = before === wanted ? others : { ...others, [id]: wanted }
  judgements.value = { ...judgements.value, marks: { ...judgements.value.marks, [reference]: of } }
}

export const answer = (triple: Triple) => {
  judgements.value = { ...judgements.value, answers: [...judgements.value.answers, triple] }
}

export const takeBackAnswer = () => {
  judgements.value = { ...judgements.value, answers: judgements.value.answers.slice(0, -1) }
}

export const forgetAll = () => {
  judgements.value = EMPTY
}

const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** As the dataset `triples` reads them. */
export const triplesCsv = (list: readonly Triple[]): string =>
  ['reference,a,b,closer', ...list.map(({ reference, a, b, closer }) => [reference, a, b, closer].map(cell).join(','))]
    .join('\n')
    .concat('\n')

export function keepJudgements(): void {
  let name: string | undefined
  effect(() => {
    const { name: called, space } = gallery.value ?? {}
    const next = called === undefined ? undefined : `lookalike.judgements.${called}.${space}`
    if (next === undefined || next === name) return
    name = next
    try {
      judgements.value = { ...EMPTY, ...(JSON.parse(localStorage.getItem(next) ?? '{}') as Partial<Kept>) }
    } catch {
      judgements.value = EMPTY
    }
  })
  effect(() => {
    const text = JSON.stringify(judgements.value)
    if (name !== undefined) localStorage.setItem(name, text)
  })
}
