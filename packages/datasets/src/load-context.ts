import type { PluginContext } from '@lookalike/core'

/** The parts of a plugin's context that loading a dataset needs. */
export type LoadContext = Pick<PluginContext, 'folder' | 'cacheFolder' | 'warn'> & {
  readonly images?: PluginContext['images'] | undefined
  readonly signal?: AbortSignal | undefined
}
