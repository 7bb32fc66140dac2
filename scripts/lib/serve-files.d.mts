import type { ServerResponse } from 'node:http'

export interface ServeFilesOptions {
  isolated?: boolean
  respond?: (url: URL, response: ServerResponse) => boolean | Promise<boolean>
}
export function serveFiles(
  places: Record<string, string | { text: string; type: string }>,
  options?: ServeFilesOptions,
): Promise<{ url: string; close(): Promise<void> }>
