import { isLookalikeError } from '@lookalike/core'
import { decodeInBrowser, preprocess } from '@lookalike/image/browser'
import type { EmbedRequest, Reply, Request, SentError } from './protocol.js'
import type { OpenModel, QueryModel, Report } from './query-model.js'

/** The worker's side: answers what the page asks, one after the other. While the model runs, the browser decodes the next picture. */
export function answer(open: OpenModel): void {
  const place = globalThis as unknown as {
    postMessage(reply: Reply, transfer?: readonly ArrayBuffer[]): void
    onmessage: ((event: { readonly data: Request }) => void) | null
  }
  const report: Report = {
    onProgress: (progress) => place.postMessage({ progress }),
    onWarning: (warning) => place.postMessage({ warning }),
  }
  let model: QueryModel | undefined
  let decoded: Promise<unknown> = Promise.resolve()
  let [answered, answeredBefore] = [decoded, decoded]

  const decode = async ({ image }: EmbedRequest): Promise<Float32Array> => {
    const { preprocessing } = model!
    const pixels = await decodeInBrowser(image, {
      background: preprocessing.background,
      onWarning: report.onWarning,
    }).finally(() => 'close' in image && image.close())
    return preprocess(pixels, preprocessing)
  }
  const handle = async (request: Request, pixels: Promise<Float32Array> | undefined): Promise<void> => {
    if (request.kind === 'open') {
      model = await open(request, report)
      const { name, space, dim, device } = model
      return place.postMessage({ id: request.id, value: { name, space, dim, device } })
    }
    const vector = await model!.encode(await pixels!)
    place.postMessage({ id: request.id, value: vector }, [vector.buffer as ArrayBuffer])
  }
  place.onmessage = ({ data }) => {
    // One picture ahead, and no more: each takes memory.
    const pixels =
      data.kind === 'embed' ? Promise.allSettled([decoded, answeredBefore]).then(() => decode(data)) : undefined
    decoded = Promise.allSettled([pixels])
    const turn = answered
    answeredBefore = answered
    answered = Promise.allSettled([turn, pixels])
      .then(() => handle(data, pixels))
      .catch((error) => place.postMessage({ id: data.id, error: toSent(error) }))
  }
}

function toSent(error: unknown): SentError {
  if (isLookalikeError(error)) {
    const { cause } = error as { cause?: unknown }
    const reason = cause instanceof Error ? { reason: cause.message } : {}
    return { code: error.code, message: error.message, fields: { ...error.fields, ...reason } }
  }
  return { code: undefined, message: error instanceof Error ? error.message : String(error), fields: {} }
}
