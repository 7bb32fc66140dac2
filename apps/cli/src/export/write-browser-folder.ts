import { type Encoder, galleryEntries, isLookalikeError, LookalikeError, type Model, toWarning } from '@lookalike/core'
import { thumbnail } from '@lookalike/image'
import type { Pipeline } from '@lookalike/pipeline'
import type { CommandContext } from '../command.js'
import { withGallery } from '../gallery/with-gallery.js'
import { queryEncoder } from './query-encoder.js'
import { describeLoss, type Measure, recallLoss } from './recall-loss.js'

export interface BrowserFolder {
  readonly int8: boolean
  /** With the images of the config's gallery. */
  readonly gallery: boolean
  readonly webgpu: boolean
  readonly measure: Measure
}

/** Pixels of the longer edge of the pictures that go with a gallery. */
const EDGE = 192

/** Writes the config's encoder, the query side where there is a combiner, as a folder for a static site. */
export async function writeBrowserFolder(
  pipeline: Pipeline,
  to: string,
  { int8, gallery, webgpu, measure }: BrowserFolder,
  context: CommandContext,
): Promise<void> {
  const { output, operation } = context
  const { exportForBrowser } = await import('@lookalike/browser/export')
  const encoder = await queryEncoder(pipeline)
  const options = {
    space: await querySpace(await pipeline.model(), encoder),
    weights: int8 ? 'int8' : 'float16',
    runtime: webgpu ? 'webgpu' : 'wasm',
    ...operation,
  } as const
  // What cannot be measured is known before anything is written.
  const before = int8 ? await measure() : undefined
  const done = gallery
    ? await withGallery(pipeline, 'read', output, async ({ gallery, imageOf }) => {
        if (gallery.space !== options.space) throw otherSpace(gallery.space, options.space)
        const entries = await galleryEntries(gallery, { rejected: false })
        const { data } = await gallery.vectors(entries.map(({ id }) => id))
        const images = async function* () {
          for (const entry of entries) {
            const request = imageOf(entry)
            const picture =
              request &&
              (await thumbnail(request, EDGE, { signal: operation.signal }).catch(skip(output.warn, entry.id)))
            yield { id: entry.id, metadata: entry.metadata, thumbnail: picture }
          }
        }
        return exportForBrowser(encoder, to, {
          ...options,
          gallery: { count: entries.length, vectors: data, images: images() },
        })
      })
    : await exportForBrowser(encoder, to, options)
  const recall = await recallLoss(measure, before, `${done.folder}/model.onnx`)
  output.finish()
  output.result({ ...done, name: encoder.name, 'recall@1': recall })
  const size = (done.modelBytes / 1e6).toFixed(1)
  output.print(`${to}: ${encoder.name}, ${size} MB, ${done.dim} numbers of ${done.space}, ${done.images} images`)
  output.print(`Cosine to the vectors of the full weights: ${done.cosine.toFixed(5)}`)
  if (recall) output.print(describeLoss(recall))
  output.print(`In a page: await createQueryEncoder({ model: '/${to.replace(/^.*\//, '')}/' }) of @lookalike/browser`)
}

const skip = (warn: CommandContext['output']['warn'], id: string) => (error: unknown) => {
  if (!isLookalikeError(error)) throw error
  warn(toWarning(error, { id }))
  return undefined
}

/** Where the encoder makes the queries of a combiner as they are, its vectors are of the combiner's space. */
async function querySpace(model: Model, encoder: Encoder): Promise<string> {
  if (model.space === encoder.space) return model.space
  const { width, height } = { width: 64, height: 64 }
  const picture = { data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 37) % 251), width, height }
  const { modelOfEncoder } = await import('@lookalike/image')
  const images = [{ source: picture }]
  const asQuery = (await model.embed(images, 'query')).embeddings
  const alone = (await modelOfEncoder(encoder).embed(images, 'query')).embeddings
  const same = asQuery.dim === alone.dim && asQuery.data.every((value, i) => Math.abs(value - alone.data[i]!) < 1e-4)
  if (same) return model.space
  throw new LookalikeError(
    'export/no-query-encoder',
    {
      problem: `The queries of ${model.name} are more than the vectors of the encoder ${encoder.name}`,
      expected: 'a config whose encoder makes the queries of its combiner, or a config without a combiner',
      fix: 'Train one model for the queries: docs/guides/asymmetric.md.',
    },
    { fields: { model: model.name, encoder: encoder.name } },
  )
}

const otherSpace = (gallery: string, space: string) =>
  new LookalikeError(
    'embeddings/space',
    {
      problem: `The gallery is of the space ${gallery}, the model of ${space}`,
      expected: 'a gallery of the same space',
      fix: 'Index the images with this model, or leave --with-gallery out.',
    },
    { fields: { gallery, space } },
  )
