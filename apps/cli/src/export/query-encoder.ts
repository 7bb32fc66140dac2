import type { Encoder } from '@lookalike/core'
import type { Pipeline } from '@lookalike/pipeline'

/** What embeds queries: of a combiner its own encoder, where one alone asks. */
export async function queryEncoder(pipeline: Pipeline): Promise<Encoder> {
  return (await pipeline.model()).queryEncoder ?? pipeline.encoder()
}
