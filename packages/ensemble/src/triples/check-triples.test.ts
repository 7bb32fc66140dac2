import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkTriples } from './check-triples.js'
import type { CheckedTriple } from './preference-graph.js'

/** `r: a > b` is "a is closer to r than b". */
const parse = (...lines: string[]): CheckedTriple[] =>
  lines.map((line) => {
    const [, reference, a, b] = /^(\w+): (\w+) > (\w+)$/.exec(line)! as unknown as [string, string, string, string]
    return { reference, a, b, closer: 'a' }
  })
const swapped = ({ reference, a, b, closer }: CheckedTriple): CheckedTriple => ({
  reference,
  a: b,
  b: a,
  closer: closer === 'a' ? 'b' : 'a',
})

describe('checkTriples', () => {
  it('finds triples that cannot be used', () => {
    const triples = [
      ...parse('r: a > a', 'r: r > b', 'r: a > x', 'r: a > b'),
      { reference: 'r', a: 'a', b: 'b', closer: 'c' as 'a' },
    ]
    const report = checkTriples(triples, ['r', 'a', 'b'])
    expect(report.bad).toEqual([
      { kind: 'same-candidates', position: 0, id: 'a' },
      { kind: 'reference-among-candidates', position: 1, id: 'r' },
      { kind: 'missing-image', position: 2, ids: ['x'] },
      { kind: 'bad-answer', position: 4, closer: 'c' },
    ])
    expect(report.questions).toBe(1)
    expect(report.warnings.map(({ code }) => code)).toEqual([
      'triples/missing-image',
      'triples/same-candidates',
      'triples/reference-among-candidates',
      'triples/bad-answer',
    ])
    expect(checkTriples(triples).bad.map(({ kind }) => kind)).not.toContain('missing-image')
  })

  it('finds contradictions, whichever way round they are asked', () => {
    const [one, two, three, other] = parse('r: a > b', 'r: b > a', 'r: a > b', 's: b > a')
    const report = checkTriples([one!, swapped(two!), swapped(three!), other!])
    expect(report.contradictions).toEqual([{ reference: 'r', a: 'a', b: 'b', forA: [0, 2], forB: [1] }])
    expect(report.consistency).toBeCloseTo(2 / 3, 12)
    expect([report.questions, report.references, report.cycles]).toEqual([2, 2, []])
  })

  it('finds circles of any length within one reference', () => {
    const report = checkTriples(
      parse('r: a > b', 'r: b > c', 'r: c > d', 'r: d > a', 'r: d > e', 's: a > c', 's: b > a'),
    )
    expect(report.cycles).toEqual([{ reference: 'r', cycle: ['a', 'b', 'c', 'd'], knot: 4 }])
    expect(report.annotatorFreeConsistency).toBeUndefined()
    expect(report.warnings).toMatchObject([
      { code: 'triples/cycle', message: '1 circles: for r, a over b over c over d over a' },
    ])
  })

  it('measures consistency without a second annotator', () => {
    const report = checkTriples(parse('r: a > b', 'r: b > c', 'r: c > a', 'r: a > d', 'r: b > d'))
    expect([report.closedTriads, report.annotatorFreeConsistency]).toEqual([2, 0.5])
    expect(report.consistency).toBeUndefined()
  })

  it('finds no circle in any order, and the triads of any tournament', () => {
    const pairs = (n: number) =>
      Array.from({ length: n }, (_, j) => Array.from({ length: j }, (_, i) => [i, j] as const)).flat()
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 28, maxLength: 28 }),
        fc.array(fc.boolean(), { minLength: 28, maxLength: 28 }),
        (answers, asked) => {
          const edges = pairs(8).map(([i, j], at) => ({
            from: answers[at] ? i : j,
            to: answers[at] ? j : i,
            asked: asked[at],
          }))
          const triples = edges
            .filter((edge) => edge.asked)
            .map(({ from, to }): CheckedTriple => ({ reference: 'r', a: `i${from}`, b: `i${to}`, closer: 'a' }))
          const over = new Set(triples.map(({ a, b }) => `${a}>${b}`))
          const names = Array.from({ length: 8 }, (_, at) => `i${at}`)
          let closed = 0
          let cyclic = 0
          for (const [i, j] of pairs(8)) {
            for (let k = j + 1; k < 8; k++) {
              const [x, y, z] = [names[i]!, names[j]!, names[k]!]
              const has = (p: string, q: string) => over.has(`${p}>${q}`)
              if (
                ![
                  [x, y],
                  [y, z],
                  [x, z],
                ].every(([p, q]) => has(p!, q!) || has(q!, p!))
              )
                continue
              closed++
              if ((has(x, y) && has(y, z) && has(z, x)) || (has(y, x) && has(z, y) && has(x, z))) cyclic++
            }
          }
          const report = checkTriples(triples)
          expect(report.closedTriads).toBe(closed)
          expect(report.annotatorFreeConsistency).toBe(closed > 0 ? 1 - cyclic / closed : undefined)
          if (cyclic > 0) expect(report.cycles).not.toEqual([])
          for (const { cycle } of report.cycles) {
            cycle.forEach((id, at) => expect(over.has(`${id}>${cycle[(at + 1) % cycle.length]}`)).toBe(true))
          }
        },
      ),
    )
    const ordered = pairs(20).map(([i, j]): CheckedTriple => ({ reference: 'r', a: `i${i}`, b: `i${j}`, closer: 'a' }))
    expect(checkTriples(ordered)).toMatchObject({
      cycles: [],
      annotatorFreeConsistency: 1,
      closedTriads: 1140,
      warnings: [],
    })
  })
})

const shared = fileURLToPath(new URL('../../../../../shared/data', import.meta.url))

describe.skipIf(!existsSync(shared))("people's triples (skipped where ../shared/data is absent)", () => {
  const read = (set: string) => {
    const [, ...rows] = readFileSync(`${shared}/${set}/triples.csv`, 'utf8').trim().split(/\r?\n/)
    return rows.flatMap((row): CheckedTriple[] => {
      const [reference, a, b, closer] = row.split(',') as [string, string, string, string]
      return closer === 'tie' ? [] : [{ reference, a, b, closer: closer as 'a' | 'b' }]
    })
  }

  it('counts the triads of triples-zappos-shoes as a plain count of all triads does', () => {
    const report = checkTriples(read('triples-zappos-shoes'))
    expect(report).toMatchObject({
      bad: [],
      contradictions: [],
      references: 85,
      questions: 283_770,
      closedTriads: 7_144_273,
    })
    // 255,003 of them are circles.
    expect(report.annotatorFreeConsistency).toBeCloseTo(1 - 255_003 / 7_144_273, 12)
  })

  it('finds the circles of triples-material-appearance', () => {
    const report = checkTriples(read('triples-material-appearance'))
    expect(report.bad).toEqual([])
    expect(report.cycles.length).toBeGreaterThan(0)
    // People are far from random (0.75), and not perfect.
    expect(report.annotatorFreeConsistency).toBeGreaterThan(0.85)
    expect(report.annotatorFreeConsistency).toBeLessThan(1)
  })
})
