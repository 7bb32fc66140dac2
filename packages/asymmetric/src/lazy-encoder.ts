import { type Encoder, type EncoderInput, LookalikeError } from '@lookalike/core'

/**
 * An encoder that is opened when it first encodes, so that a program that only searches never loads a gallery model.
 *
 * @throws `asymmetric/member` from `encode` when it cannot be opened, or is another model than the transforms were made for.
 */
export function lazyEncoder(
  known: Pick<Encoder, 'name' | 'dim' | 'space' | 'batchSize'> & { readonly input: EncoderInput },
  open: () => Promise<Encoder>,
): Encoder {
  let opening: Promise<Encoder> | undefined
  const opened = () =>
    (opening ??= open().then(
      async (encoder) => {
        if (encoder.space === known.space && encoder.dim === known.dim) return encoder
        await encoder.dispose()
        throw wrongModel(known.name, known.space, encoder.space)
      },
      (cause: unknown) => {
        throw new LookalikeError(
          'asymmetric/member',
          {
            problem: `The gallery model "${known.name}" cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`,
            fix: 'Put the model back, or say in the combiner\'s "members" where it is. Searching does not need it, indexing does.',
          },
          { fields: { member: known.name }, cause },
        )
      },
    ))
  return {
    specVersion: 'v1',
    ...known,
    encode: async (batch, options) => (await opened()).encode(batch, options),
    async dispose() {
      const encoder = await opening?.catch(() => undefined)
      await encoder?.dispose()
    },
  }
}

export function wrongModel(name: string, wanted: string, given: string): LookalikeError {
  return new LookalikeError(
    'asymmetric/space',
    {
      problem: `The model "${name}" makes embeddings of ${given}`,
      expected: `embeddings of ${wanted}, for which the transforms were trained`,
      fix: 'Use the model that the transforms were trained with, or train transforms for this one.',
    },
    { fields: { member: name, wanted, given } },
  )
}
