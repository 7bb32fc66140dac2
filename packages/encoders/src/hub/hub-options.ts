import type { OperationOptions } from '@lookalike/core'

/** How a model hub is reached. */
export interface HubOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: OperationOptions['onProgress'] | undefined
  /** Branch, tag or commit. Default `main`; name a commit to get the same weights for ever. */
  readonly revision?: string | undefined
  /** Where the hub is. Default: the environment's `HF_ENDPOINT`, else `https://huggingface.co`. */
  readonly baseUrl?: string | undefined
  /** Downloads land in `<cacheFolder>/hub`. */
  readonly cacheFolder: string
  /** Use the caches alone and never the network. Default: as `HF_HUB_OFFLINE` says, else false. */
  readonly offline?: boolean | undefined
  /** How often a request that failed for a passing reason is tried again. Default 3. */
  readonly retries?: number | undefined
  /** Pause before the first retry in milliseconds, doubled for each further one. Default 500. */
  readonly retryDelay?: number | undefined
}

/** The address of one file: `<base>/<repository>/resolve/<revision>/<file>`. */
export function hubUrl(repository: string, file: string, options: Pick<HubOptions, 'revision' | 'baseUrl'>): string {
  const parts = [...repository.split('/'), 'resolve', options.revision ?? 'main', ...file.split('/')]
  return `${hubBase(options)}/${parts.map(encodeURIComponent).join('/')}`
}

/** Address of the hub, without a slash at its end. */
export function hubBase({ baseUrl }: Pick<HubOptions, 'baseUrl'>): string {
  return (baseUrl || process.env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, '')
}
