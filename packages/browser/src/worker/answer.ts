import { isLookalikeError } from '@lookalike/core'
import { decodeInBrowser, preprocess } from '@lookalike/image/browser'
import type { Reply, Request, SentError } from './protocol.js'
import type { OpenModel, QueryModel, Report } from './query-model.js'

/** The worker's side: answers what the page asks, one after the other. */
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
  let last: Promise<unknown> = Promise.resolve()

  const handle = async (request: Request): Promise<void> => {
    switch (request.kind) {
      case 'open': {
        model = await open(request, report)
        const { name, space, dim, device } = model
        return place.postMessage({ id: request.id, value: { name, space, dim, device } })
      }
      case 'embed': {
        const { preprocessing, encode } = model!
        const { image } = request
        const pixels = await decodeInBrowser(image, {
          background: preprocessing.background,
          onWarning: report.onWarning,
        }).finally(() => 'close' in image && image.close())
        const vector = await encode(preprocess(pixels, preprocessing))
        return place.postMessage({ id: request.id, value: vector }, [vector.buffer as ArrayBuffer])
      }
      case 'dispose': {
        await model?.dispose()
        return place.postMessage({ id: request.id, value: undefined })
      }
    }
  }
  place.onmessage = ({ data }) => {
    last = last.then(() => handle(data)).catch((error) => place.postMessage({ id: data.id, error: toSent(error) }))
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
