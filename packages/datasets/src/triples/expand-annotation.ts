/** One annotated list: a reference and candidates from nearest to farthest, each with its class, 1 (almost the same) to 5 (irrelevant). */
export interface Annotation {
  readonly reference: string
  readonly candidates: readonly { readonly id: string; readonly class: number }[]
}

export interface AnnotationTriple {
  readonly reference: string
  readonly a: string
  readonly b: string
  readonly closer: 'a' | 'b'
  readonly classA: number
  readonly classB: number
}

/**
 * The triples of an annotated list: every pair of its candidates, each with *its own* two classes (three candidates give
 * the pairs (1,2), (1,3), (2,3)). The candidate whose id sorts first becomes `a`, so that the position carries no answer.
 *
 * @example
 * expandAnnotation({ reference: 'r', candidates: [{ id: 'x', class: 1 }, { id: 'b', class: 4 }] })
 * // [{ reference: 'r', a: 'b', b: 'x', closer: 'b', classA: 4, classB: 1 }]
 */
export function expandAnnotation({ reference, candidates }: Annotation): AnnotationTriple[] {
  return candidates.flatMap((nearer, at) =>
    candidates.slice(at + 1).map((farther): AnnotationTriple => {
      const nearerIsA = nearer.id < farther.id
      const [a, b] = nearerIsA ? [nearer, farther] : [farther, nearer]
      return { reference, a: a.id, b: b.id, closer: nearerIsA ? 'a' : 'b', classA: a.class, classB: b.class }
    }),
  )
}
