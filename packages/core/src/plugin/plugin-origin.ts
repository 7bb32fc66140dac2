/** Where a plugin came from. */
export interface PluginOrigin {
  /** The package's name, or the file's path where there is no package. */
  readonly package: string
  /** The package's version; absent for plugins handed over as objects. */
  readonly version?: string | undefined
  /** The module whose default export holds the plugin; worker threads import it again. */
  readonly url?: string | undefined
}

/** `@scope/package 1.2.3`, for messages. */
export function originText({ package: name, version }: PluginOrigin): string {
  return version === undefined ? name : `${name} ${version}`
}
