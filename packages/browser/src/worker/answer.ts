import { isLookalikeError } from '@lookalike/core'
import { decodeInBrowser, preprocess } from '@lookalike/image/browser'
import type { EmbedRequest, Reply, Request, SentError } from './protocol.js'
import type { OpenModel, QueryModel, Report } from './query-model.js'

/** Pictures at a time, the one that the model sees included: each takes the memory of a decoded photograph. */
const AT_ONCE = 3

/** The worker's side: answers what the page asks, one after the other. While the model runs, the browser decodes the next pictures. */
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
  /** Of the last requests, oldest first. */
  const answers: Promise<unknown>[] = []

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
    const room = answers.length === AT_ONCE ? answers.shift() : undefined
    const pixels = data.kind === 'embed' ? Promise.resolve(room).then(() => decode(data)) : undefined
    const answer = Promise.allSettled([answers.at(-1), pixels])
      .then(() => handle(data, pixels))
      .catch((error) => place.postMessage({ id: data.id, error: toSent(error) }))
    answers.push(answer)
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
