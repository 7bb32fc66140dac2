import { type Combined, type Combiner, type Embeddings, rowOf, selectRows } from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { firstNotFinite, innerProduct, largestDifference, largestValue, short } from '../compare.js'
import { checkCommon, checkText, checkWhole } from '../contract.js'
import { createParts, type Parts } from '../parts.js'
import { rejection } from '../rejects.js'
import { sampleVectors } from '../vectors.js'

export interface CombinerCheckOptions {
  /**
   * The similarity that the combiner declares, of one query and one gallery image, from their members' vectors. With it the checks
   * compare it with the inner product of the combined vectors.
   */
  readonly similarity?: (query: readonly Float32Array[], gallery: readonly Float32Array[]) => number | Promise<number>
  /** How far values may differ, as a share of the largest. Default: 1e-4. */
  readonly tolerance?: number
}

interface Subject {
  readonly parts: Parts<Combiner>
  readonly options: CombinerCheckOptions & { readonly tolerance: number }
}

type Side = 'query' | 'gallery'
const ROWS = 6

const encodersOf = (combiner: Combiner, side: Side) =>
  side === 'query' ? combiner.queryEncoders : combiner.galleryEncoders

/** Members' vectors of the same images on both sides: an encoder of both gives the same ones. */
const membersOf = (combiner: Combiner, side: Side): Embeddings[] =>
  encodersOf(combiner, side).map((encoder) =>
    sampleVectors(`member ${encoder.space}`, ROWS, encoder.dim, encoder.space, 'any'),
  )

const combine = (combiner: Combiner, side: Side, members: readonly Embeddings[]): Promise<Combined<Side>> =>
  side === 'query' ? combiner.combineQuery(members) : combiner.combineGallery(members)

const both = async (run: (side: Side) => Promise<void>) => {
  for (const side of ['query', 'gallery'] as const) await run(side)
}

const checks: readonly Check<Subject>[] = [
  {
    id: 'combiner/contract',
    claim: 'says what it is: name, dim, space, encoders of both roles',
    async run({ parts }, report) {
      const combiner = await parts.shared()
      checkCommon(combiner, report)
      checkWhole(combiner.dim, 'dim', 1, report)
      checkText(combiner.space, 'space', report)
      await both(async (side) => {
        if (encodersOf(combiner, side).length === 0) report(`it has no ${side} encoder`)
      })
      const again = await parts.fresh()
      if (again.space !== combiner.space)
        report(`created twice, it has the spaces "${combiner.space}" and "${again.space}"`)
    },
  },
  {
    id: 'combiner/shape',
    claim: 'gives one finite vector an image, in its space, for its role',
    async run({ parts }, report) {
      const combiner = await parts.shared()
      await both(async (side) => {
        const { embeddings, uncertainty } = await combine(combiner, side, membersOf(combiner, side))
        const { data, rows, dim, space, role } = embeddings
        if (rows !== ROWS || dim !== combiner.dim || data.length !== ROWS * combiner.dim)
          report(
            `${side}: ${ROWS} images gave ${rows} x ${dim} with ${data.length} values; expected: ${ROWS} x ${combiner.dim}`,
          )
        if (firstNotFinite(data) >= 0) report(`${side}: a value is ${data[firstNotFinite(data)]}`)
        if (space !== combiner.space)
          report(`${side}: vectors are of the space "${space}"; expected: "${combiner.space}"`)
        if (role !== side) report(`${side}: vectors have the role "${String(role)}"; expected: "${side}"`)
        if (uncertainty && side === 'query') report('queries came with an uncertainty; only gallery images have one')
        if (uncertainty && (uncertainty.length !== ROWS || firstNotFinite(uncertainty) >= 0))
          report(
            `${ROWS} gallery images have the uncertainties ${[...uncertainty].map(short).join(', ')}; expected: one finite number each`,
          )
      })
    },
  },
  {
    id: 'combiner/similarity',
    claim: 'has the declared similarity as inner product of its vectors',
    async run({ parts, options }, report) {
      const { similarity, tolerance } = options
      if (!similarity) return NOT_CLAIMED
      const combiner = await parts.shared()
      const [queryMembers, galleryMembers] = [membersOf(combiner, 'query'), membersOf(combiner, 'gallery')]
      const [queries, gallery] = [
        (await combiner.combineQuery(queryMembers)).embeddings,
        (await combiner.combineGallery(galleryMembers)).embeddings,
      ]
      for (let q = 0; q < ROWS; q++) {
        for (let g = 0; g < ROWS; g++) {
          const given = innerProduct(rowOf(queries, q), rowOf(gallery, g))
          const wanted = await similarity(
            queryMembers.map((member) => rowOf(member, q)),
            galleryMembers.map((member) => rowOf(member, g)),
          )
          if (!(Math.abs(given - wanted) <= tolerance * Math.max(1, Math.abs(wanted))))
            return report(
              `query ${q} and gallery image ${g} have the inner product ${short(given)}; declared: ${short(wanted)}`,
            )
        }
      }
    },
  },
  {
    id: 'combiner/rows',
    claim: 'combines each image on its own, the same every time',
    async run({ parts, options }, report) {
      const combiner = await parts.shared()
      await both(async (side) => {
        const members = membersOf(combiner, side)
        const all = await combine(combiner, side, members)
        const again = await combine(combiner, side, members)
        if (largestDifference(all.embeddings.data, again.embeddings.data) !== 0)
          report(`${side}: the same members gave other vectors the second time`)
        const order = [4, 1]
        const some = await combine(
          combiner,
          side,
          members.map((member) => selectRows(member, order)),
        )
        const difference = largestDifference(some.embeddings.data, selectRows(all.embeddings, order).data)
        if (!(difference <= options.tolerance * largestValue(all.embeddings.data)))
          report(`${side}: an image's vector differs by ${short(difference)} with the images beside it`)
        if (
          all.uncertainty &&
          !(
            largestDifference(
              some.uncertainty ?? [],
              order.map((row) => all.uncertainty![row]!),
            ) <=
            options.tolerance * Math.max(1, largestValue(all.uncertainty))
          )
        ) {
          report(`${side}: an image's uncertainty depends on the images beside it`)
        }
      })
    },
  },
  {
    id: 'combiner/members',
    claim: 'refuses members of another space and a wrong number of them',
    async run({ parts }, report) {
      const combiner = await parts.shared()
      await both(async (side) => {
        const members = membersOf(combiner, side)
        if (!(await rejection(() => combine(combiner, side, [...members, members[0]!]))).rejected)
          report(`${side}: ${members.length + 1} members for ${members.length} encoders were taken without complaint`)
        const foreign = members.map((member, i) => (i === 0 ? { ...member, space: 'testkit/other' } : member))
        if (!(await rejection(() => combine(combiner, side, foreign))).rejected)
          report(`${side}: a member of another space was taken without complaint`)
      })
    },
  },
  {
    id: 'combiner/input',
    claim: "leaves its members' vectors as they were",
    async run({ parts }, report) {
      const combiner = await parts.shared()
      await both(async (side) => {
        const members = membersOf(combiner, side)
        const before = members.map(({ data }) => data.slice())
        await combine(combiner, side, members)
        if (members.some(({ data }, i) => largestDifference(before[i]!, data) !== 0))
          report(`${side}: a member's vectors had other values afterwards`)
      })
    },
  },
]

export const combinerSuite: Suite<Combiner, CombinerCheckOptions, Subject> = {
  checks,
  open: (create, options) => ({
    parts: createParts(create, (combiner) => combiner.dispose()),
    options: { tolerance: 1e-4, ...options },
  }),
  close: ({ parts }) => parts.close(),
}

/**
 * Checks a combiner: roles, spaces, and that the inner product is the similarity that it declares.
 *
 * @example
 * const issues = await checkCombiner(() => myCombiner(encoders), { similarity: (query, gallery) => mean(query.map((q, k) => dot(q, gallery[k]))) })
 */
export const checkCombiner = (
  create: Create<Combiner>,
  options: CombinerCheckOptions = {},
): Promise<readonly Issue[]> => runSuite(combinerSuite, create, options)
