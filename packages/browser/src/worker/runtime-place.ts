import { LookalikeError } from '@lookalike/core'

/** @throws `browser/no-runtime` */
export function needRuntime(folder: string | undefined): string {
  if (folder !== undefined) return folder
  throw new LookalikeError('browser/no-runtime', {
    problem: 'Nothing says where the files of onnxruntime-web lie',
    expected: 'the option `runtime`: the address of a folder with the files of onnxruntime-web/dist',
    fix: 'Or export the model with "lookalike export model FOLDER --for browser", which puts them beside it.',
  })
}

/** Threads share memory, which a page must be isolated for. */
export function tellOneThread(
  threads: number | undefined,
  onWarning: (warning: import('@lookalike/core').Warning) => void,
) {
  if (threads === undefined || threads === 1 || globalThis.crossOriginIsolated) return
  onWarning({
    code: 'browser/one-thread',
    message: `The page is not cross-origin isolated: the model runs on one thread instead of ${threads}. Serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.`,
    fields: { threads },
  })
}
