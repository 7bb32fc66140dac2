import { readText } from '../table/read-text.js'
import { rowError } from '../table/table.js'
import { expandAnnotation } from './expand-annotation.js'
import type { RawTriple } from './raw-triple.js'

/**
 * Annotation rows: `ref c1 class1 c2 class2 c3 class3`, cut at white space, candidates from nearest to farthest, classes 1 to 5.
 *
 * @throws `dataset/unreadable`, `dataset/bad-annotation` with the line
 */
export async function readAnnotations(file: string): Promise<RawTriple[]> {
  const lines = (await readText(file)).split('\n')
  return lines.flatMap((text, at) => {
    const cells = text.trim().split(/\s+/)
    if (text.trim() === '') return []
    const bad = (problem: string) =>
      rowError(
        { file },
        { line: at + 1 },
        'dataset/bad-annotation',
        problem,
        'ref c1 class1 c2 class2 c3 class3, classes 1 to 5 that never fall',
      )
    const [reference, ...rest] = cells as [string, ...string[]]
    if (rest.length < 4 || rest.length % 2 === 1) throw bad(`the row has ${cells.length} fields`)
    const candidates = Array.from({ length: rest.length / 2 }, (_, k) => ({
      id: rest[2 * k]!,
      class: Number(rest[2 * k + 1]),
    }))
    candidates.forEach((candidate, k) => {
      if (!Number.isInteger(candidate.class) || candidate.class < 1 || candidate.class > 5)
        throw bad(`the class of ${candidate.id} is ${rest[2 * k + 1]}`)
      if (candidate.class < (candidates[k - 1]?.class ?? 1))
        throw bad(`${candidate.id} of class ${candidate.class} stands behind a farther one`)
    })
    return expandAnnotation({ reference, candidates }).map((triple) => ({ where: `${file}:${at + 1}`, ...triple }))
  })
}
