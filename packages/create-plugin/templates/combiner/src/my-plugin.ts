import {
  assertComparable,
  type Combiner,
  createEmbeddings,
  definePlugin,
  type Embeddings,
  type Encoder,
  LookalikeError,
  pluginRef,
} from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  members: z
    .array(
      z.strictObject({
        encoder: pluginRef('encoder').describe('Any encoder.'),
        weight: z.number().positive().default(1).describe('How much its similarity counts.'),
      }),
    )
    .min(1)
    .describe('The encoders, with their weights.'),
})

declare module '@lookalike/core' {
  interface CombinerPlugins {
    'my-plugin': z.input<typeof options>
  }
}

/** The weighted mean of the members' similarities. The weights stand on the query's side, so that the inner product is that mean. */
export function createCombiner(encoders: readonly Encoder[], weights: readonly number[]): Combiner {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const dim = encoders.reduce((sum, encoder) => sum + encoder.dim, 0)
  const space = `my-plugin(${encoders.map((encoder, k) => `${weights[k]} ${encoder.space}`).join(', ')})`

  const concatenate = <R extends 'query' | 'gallery'>(
    members: readonly Embeddings[],
    role: R,
    factors: readonly number[],
  ) => {
    if (members.length !== encoders.length) {
      throw new LookalikeError('combiner/members', {
        problem: `my-plugin got embeddings of ${members.length} members`,
        expected: `${encoders.length}`,
      })
    }
    members.forEach((member, k) => assertComparable(member, { ...encoders[k]!, role }))
    const { rows } = members[0]!
    const data = new Float32Array(rows * dim)
    let offset = 0
    members.forEach((member, k) => {
      for (let row = 0; row < rows; row++) {
        for (let i = 0; i < member.dim; i++)
          data[row * dim + offset + i] = factors[k]! * member.data[row * member.dim + i]!
      }
      offset += member.dim
    })
    return { embeddings: createEmbeddings({ data, rows, dim, space, role }) }
  }

  return {
    specVersion: 'v1',
    name: 'my-plugin',
    queryEncoders: encoders,
    galleryEncoders: encoders,
    dim,
    space,
    combineQuery: async (members) =>
      concatenate(
        members,
        'query',
        weights.map((weight) => weight / total),
      ),
    combineGallery: async (members) =>
      concatenate(
        members,
        'gallery',
        weights.map(() => 1),
      ),
    async dispose() {
      for (const encoder of encoders) await encoder.dispose()
    },
  }
}

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'combiner',
  name: 'my-plugin',
  description: "The weighted mean of several encoders' similarities.",
  options,
  async create({ members }, context) {
    const encoders = await Promise.all(members.map(({ encoder }) => context.create('encoder', encoder)))
    return createCombiner(
      encoders,
      members.map(({ weight }) => weight),
    )
  },
})

export default [myPlugin]
