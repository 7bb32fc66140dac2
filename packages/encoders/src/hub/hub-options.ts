import type { OperationOptions } from '@lookalike/core'

/** How a model hub is reached. */
export interface HubOptions extends Pick<OperationOptions, 'signal' | 'onProgress'> {
  /** Branch, tag or commit. Default `main`; name a commit to get the same weights for ever. */
  readonly revision?: string
  /** Where the hub is. Default: the environment's `HF_ENDPOINT`, else `https://huggingface.co`. */
  readonly baseUrl?: string
  /** Downloads land in `<cacheFolder>/hub`. */
  readonly cacheFolder: string
  /** Use the cache alone and never the network. Default false. */
  readonly offline?: boolean
  /** How often a request that failed for a passing reason is tried again. Default 3. */
  readonly retries?: number
  /** Pause before the first retry in milliseconds, doubled for each further one. Default 500. */
  readonly retryDelay?: number
}

/** The address of one file: `<base>/<repository>/resolve/<revision>/<file>`. */
export function hubUrl(repository: string, file: string, options: Pick<HubOptions, 'revision' | 'baseUrl'>): string {
  const base = options.baseUrl ?? process.env['HF_ENDPOINT'] ?? 'https://huggingface.co'
  const parts = [...repository.split('/'), 'resolve', options.revision ?? 'main', ...file.split('/')]
  return `${base.replace(/\/+$/, '')}/${parts.map(encodeURIComponent).join('/')}`
}
